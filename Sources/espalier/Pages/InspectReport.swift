internal import Formats
internal import Foundation
internal import SystemPackage
internal import Training
internal import Transformer

/// The facts that `espalier inspect` prints, as text or as JSON.
struct InspectReport: Encodable {
    /// The run whose memory is predicted.
    struct Run: Encodable {
        let ranks: Int
        let threads: Int
        let rowTokens: Int
        let recomputes: Bool
    }

    /// The elements of a model's tensors.
    struct Parameters: Encodable {
        private(set) var total = 0
        private(set) var embedding = 0
        private(set) var layers = 0
        private(set) var head = 0

        init(_ table: ParameterTable) {
            for parameter in table.parameters {
                total += parameter.count
                switch parameter.module {
                case .embedding: embedding += parameter.count
                case .layer: layers += parameter.count
                case .head: head += parameter.count
                case .finalNorm: break
                }
            }
        }
    }

    /// A prediction of the bytes of a rank.
    struct Memory: Encodable {
        let training: MemoryForecast
        let scoring: MemoryForecast
    }

    let model: String
    let modelType: String
    /// The text model that a wrapper contains; nil for other families.
    let textModelType: String?
    let form: ConfigurationForm
    /// Nil if the configuration cannot be read to its end, as everything that follows from it.
    let architecture: Architecture?
    let parameters: Parameters?
    /// Nil if the files cannot be read.
    let weights: StoredModel?
    /// Tensors that a trained model has unchanged, such as those of a vision tower.
    let copied: StoredModel?
    /// The names of the tokenizer's files, and whether there is a chat template.
    let tokenizer: [String]
    let hasChatTemplate: Bool
    let run: Run
    let memory: Memory?
    /// Settings that are not applied.
    let remarks: [String]
    /// Why a run would refuse the model, each with its remedy.
    let problems: [String]

    init(_ inspection: ModelInspection, directory: FilePath, _ run: Run) throws {
        let (description, files) = (inspection.description, inspection.weights)
        (model, form, self.run) = (directory.string, inspection.form, run)
        (modelType, textModelType) = (inspection.family.modelType, inspection.textModelType)
        architecture = description?.architecture
        parameters = description.map { Parameters($0.parameters) }
        weights = try files.map { try $0.size(of: $0.names) }
        copied = try files.flatMap { files in
            try description.map { try files.size(of: files.names.filter($0.family.isPassedThrough)) }
        }
        tokenizer = ((try? ModelCompanions(in: directory).names) ?? []).filter(Self.isTokenizer)
        hasChatTemplate = ![.digest(ChatTemplates.none), .noTokenizer].contains(ChatTemplates(in: directory))
        memory = description.map { Self.memory($0.architecture, run) }
        remarks = description?.remarks ?? []
        problems = inspection.problems.map(\.description)
    }

    private static func isTokenizer(_ name: String) -> Bool {
        ["tokenizer", "vocab", "merges", "spiece", "sentencepiece", "tekken"].contains { name.hasPrefix($0) }
            && name != "tokenizer_config.json" || name.hasSuffix(".tiktoken")
    }

    private static func memory(_ model: Architecture, _ run: Run) -> Memory {
        let capacity = Workspace.Capacity(tokens: run.rowTokens, trains: true, recomputes: run.recomputes)
        return Memory(
            training: .training(
                model,
                ranks: run.ranks,
                shards: run.ranks,
                saves: false,
                capacity: capacity,
                threads: run.threads
            ),
            scoring: .scoring(model, tokens: run.rowTokens, threads: run.threads)
        )
    }

    /// The report as a JSON object, with names in the style of settings.
    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
