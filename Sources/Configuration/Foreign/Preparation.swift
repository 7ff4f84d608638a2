internal import Formats
internal import SystemPackage

/// How the data of another trainer's file is prepared.
struct Preparation: Sendable {
    /// Where rows come from.
    struct Source: Sendable, Equatable {
        /// A file, directory or dataset of the Hub.
        var name: String
        /// The multiple of its rows in an epoch.
        var weight = 1.0

        /// Whether it may have splits, and so slices, which a single file has not.
        var hasSplits: Bool { ![".json", ".jsonl", ".gz", ".parquet"].contains { name.hasSuffix($0) } }
    }

    /// The names of the file's settings that concern the data.
    var settings: [String] = []
    /// What differs.
    var notes: [String] = []
    /// The name of a model on the Hub, and the directory for it.
    var download: (name: String, directory: String)?
    var model = "MODEL"
    var sources: [Source] = []
    /// Splits of directories and datasets; nil for the default.
    var split: String?
    var heldOutSplit: String?
    var heldOutSources: [Source] = []
    /// Further arguments.
    var arguments: [String] = []
    /// Whether the file evaluates during training.
    var hasEvaluations = false

    static let (trainingFile, heldOutFile) = ("train.safetensors", "eval.safetensors")

    /// The prepared files, by the setting for them.
    var files: [(key: String, file: String)] {
        [("data", Self.trainingFile)] + (hasEvaluations ? [("eval_data", Self.heldOutFile)] : [])
    }

    /// Commands of a shell, in their order.
    var commands: [String] { [fetch, training, heldOut].compactMap(\.self) }

    /// The command that downloads the model; nil if it is there.
    var fetch: String? {
        download.map { "hf download \($0.name.shellQuoted) --local-dir \($0.directory.shellQuoted)" }
    }

    /// The command for the data; nil if the file names none.
    var training: String? { sources.isEmpty ? nil : command(sources, split, Self.trainingFile) }

    /// The command for held-out data; nil without evaluations, or if the file does not say on which rows.
    var heldOut: String? {
        guard hasEvaluations, heldOutSplit != nil || !heldOutSources.isEmpty, !sources.isEmpty else { return nil }
        return command(heldOutSources.isEmpty ? sources : heldOutSources, heldOutSplit, Self.heldOutFile)
    }

    private func command(_ sources: [Source], _ split: String?, _ output: String) -> String {
        let isWeighted = sources.contains { $0.weight != 1 }
        let words =
            ["espalier-prepare", "--model", model, "--data"] + sources.map(\.name)
            + (split.map { ["--split", $0] } ?? []) + (isWeighted ? ["--weights"] + sources.map { "\($0.weight)" } : [])
            + arguments + ["--output", output]
        return words.map(\.shellQuoted).joined(separator: " ")
    }

    /// The directory for a model that is not at this path, but may be on the Hub under this name; nil for others.
    static func localName(of model: String) -> String? {
        let parts = model.split(separator: "/", omittingEmptySubsequences: false)
        guard model.utf8.count < 200, parts.count == 2, parts.allSatisfy({ $0.first.map { $0 != "." } ?? false }) else {
            return nil
        }
        return exists(model) ? nil : String(parts[1])
    }

    /// Whether something is at a path.
    static func exists(_ path: String) -> Bool { (try? FilePath(path).stat()) != nil }
}
