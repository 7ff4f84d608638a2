internal import Compute
internal import Formats
internal import Foundation
internal import Preferences
internal import SystemPackage
internal import TestSupport
internal import Transformer

/// How the packed sequences of a golden are computed.
struct Setting: CustomStringConvertible, Sendable {
    var sharing = Sharing.any
    var rowTokens = 4096
    var threads = 1
    /// A small value makes the head recompute logits.
    var logitBytes = 1 << 24
    var recomputes = false
    /// How products are computed, in float32.
    var products = Products.float32

    var description: String {
        "\(sharing), rows of \(rowTokens), \(threads) threads, \(logitBytes) logit bytes"
            + (recomputes ? ", recomputed" : "") + ", \(products.name)"
    }

    /// The kernel of processors with AVX2 alone, where there is one.
    private static let narrow = Products(.kernel(ProductKernel.avx2.isAvailable ? .avx2 : .portable))

    /// A golden with each of its settings: all of them if the tests are optimized.
    ///
    /// Without optimization, where each takes many times as long, fewer. A long golden: one sharing mode with each
    /// combination of the other options, and the next one for the next golden, so that each golden is computed in
    /// every mode and with every combination, and four goldens together with all settings. A short golden: one
    /// combination with each sharing mode, so that six goldens together are computed with all settings.
    static let cases: [(Golden, Setting)] = [Golden.long, Golden.short].flatMap { goldens in
        goldens.enumerated().flatMap { number, golden in
            all.enumerated()
                .filter { index, _ in
                    Launch.isOptimized || isChosen(index, of: number, fraction: goldens == Golden.long ? modes : kinds)
                }
                .map { (golden, $1) }
        }
    }

    /// The number of combinations of the other options.
    static let kinds = all.count / modes
    private static let modes = Sharing.allCases.count

    /// The settings of an adapter's golden: all of them if the tests are optimized, otherwise one combination with each
    /// sharing mode.
    static func ofAdapter(_ number: Int) -> [Setting] {
        all.enumerated().filter { Launch.isOptimized || isChosen($0.offset, of: number, fraction: kinds) }.map(
            \.element
        )
    }

    /// Whether a golden of this number is computed with a setting, if it is computed with one in `fraction`.
    private static func isChosen(_ index: Int, of number: Int, fraction: Int) -> Bool {
        let (sharing, kind) = (index / kinds, index % kinds)
        return (sharing * (fraction / modes) + kind + number) % fraction == 0
    }

    /// Every sharing mode; packed sequences of one tree (above the maximum), some and all trees; teams; head paths;
    /// products in float32.
    static let all: [Setting] = Sharing.allCases.flatMap { sharing in
        [
            Setting(sharing: sharing, rowTokens: 1),
            Setting(sharing: sharing, rowTokens: 150, threads: 2, products: Products(.library)),
            Setting(sharing: sharing, rowTokens: 4096, threads: 3),
            Setting(sharing: sharing, rowTokens: 150, threads: 2, recomputes: true, products: narrow),
            Setting(
                sharing: sharing,
                rowTokens: 4096,
                threads: 1,
                logitBytes: 1,
                products: Products(.kernel(.portable))
            ),
            Setting(sharing: sharing, rowTokens: 4096, threads: 5, logitBytes: 131 * 4 * 40),
        ]
    }
}

/// A tiny model with its dataset, computed with a setting, and with an adapter if there is one.
final class GoldenModel {
    let dataset: PreferenceDataset
    let layout: ParameterLayout
    private let architecture: Architecture
    private let weights: GoldenWeights
    private let gradients: ParameterBuffer
    private let products: Products
    private let rows: [PackedSequence]
    private let model: ForestModel

    convenience init(_ golden: Golden, _ setting: Setting, dataset: PreferenceDataset? = nil) throws {
        try self.init(golden, GoldenWeights(golden), setting, dataset: dataset)
    }

    init(_ golden: Golden, _ weights: GoldenWeights, _ setting: Setting, dataset: PreferenceDataset? = nil) throws {
        let dataset = try dataset ?? PreferenceDataset.read(path: golden.file)
        (architecture, products) = (weights.description.architecture, setting.products)
        gradients = try ParameterBuffer(weights.trained.layout)
        let cost = CostModel(bodyParameters: 1, layers: 1, heads: 1, headDimension: 1, vocabulary: 1, width: 1)
        let planner = Planner(
            dataset: dataset,
            sharing: setting.sharing,
            rowTokens: setting.rowTokens,
            shards: 1,
            cost: cost,
            // The prompts of goldens have few tokens in common.
            shortestStem: 1
        )
        rows = planner.plan(examples: Array(0..<dataset.count)).packedSequences(shard: 0)
        model = try ForestModel(
            architecture,
            positions: dataset.longestSequence,
            capacity: .init(
                tokens: rows.map(\.tokens.count).max() ?? 0,
                trains: true,
                recomputes: setting.recomputes,
                logitBytes: setting.logitBytes,
                adapter: AdapterShape(weights.adapter, of: architecture),
                widensWeights: weights.isHalf
            ),
            team: ThreadTeam.start(count: setting.threads)
        )
        self.dataset = dataset
        self.weights = weights
        layout = weights.trained.layout
    }

    /// The log-probability of every response token, in the dataset's order; NaN for uncounted ones.
    ///
    /// - Parameter isAdapted: Whether an adapter takes part.
    func tokenLogps(isAdapted: Bool = true) -> [Float] {
        var logps = Array(repeating: Float.nan, count: dataset.responseIDs.count)
        for row in rows {
            let scores = model.score(row, parameters: weights.parameters(isAdapted: isAdapted, products: products))
            for response in row.responses {
                logps.replaceSubrange(
                    dataset.countedRange(response.index),
                    with: scores.tokenLogps(of: response, in: row)
                )
            }
        }
        return logps
    }

    /// The log-probability of every response; see `tokenLogps`.
    func responseLogps(isAdapted: Bool = true) -> [Double] {
        let tokens = tokenLogps(isAdapted: isAdapted)
        return (0..<dataset.responseCount).map { tokens[dataset.responseRange($0)].reduce(0) { $0 + Double($1) } }
    }

    /// The gradient of every trained tensor by its Hugging Face name, where `derivative` is that of the loss with respect to
    /// each response's log-probability.
    func gradients(
        _ derivative: (_ response: Int, _ logps: [Int: Double], _ row: Range<Int>) -> Double
    ) -> [String: [Float]] {
        let parameters = weights.parameters(gradients: gradients, products: products)
        gradients.flat.fill(0)
        for row in rows {
            _ = model.accumulateGradients(row, parameters: parameters) { scores, examples in
                row.examples[examples].flatMap { example in
                    let responses = row.responses[example.responses]
                    let logps = Dictionary(
                        uniqueKeysWithValues: responses.map { response in
                            let tokens = scores.tokenLogps(of: response, in: row)
                            return (response.index, tokens.reduce(0) { $0 + Double($1) })
                        }
                    )
                    return responses.flatMap { response in
                        let value = derivative(response.index, logps, dataset.responses(of: example.index))
                        return response.labels.map { _ in value }
                    }
                }
            }
        }
        return Dictionary(
            uniqueKeysWithValues: layout.tensors.map { tensor in
                (tensor.name, gradients.elements(of: tensor).elements())
            }
        )
    }

    /// The gradient of the sigmoid DPO loss of a golden: the mean over the pairs of the best with each other response.
    func dpoGradients(of golden: SafetensorsFile) throws -> [String: [Float]] {
        let reference = try golden.float64s("reference_logps")
        let beta = Double(golden.metadata["beta"] ?? "") ?? .nan
        let pairs = Double(dataset.responseCount - dataset.count)
        return gradients { response, logps, row in
            // d/dL of the mean of -log σ(β (L_best - L_other)) over pairs.
            func slope(_ other: Int) -> Double {
                let best = logps[row.lowerBound]! - reference[row.lowerBound]
                let margin = beta * (best - (logps[other]! - reference[other]))
                return beta / (1 + exp(margin)) / pairs
            }
            return response == row.lowerBound ? -row.dropFirst().reduce(0) { $0 + slope($1) } : slope(response)
        }
    }
}

extension PreferenceDataset {
    /// The same data with `skip` of the first tokens of each response not counted, by its index and length.
    func skipping(_ skip: (_ index: Int, _ length: Int) -> Int) throws -> PreferenceDataset {
        try PreferenceDataset(
            promptIDs: promptIDs,
            promptOffsets: promptOffsets,
            responseIDs: responseIDs,
            responseOffsets: responseOffsets,
            exampleOffsets: exampleOffsets,
            responseSkips: (0..<responseCount).map { Int32(skip($0, responseRange($0).count)) }
        )
    }
}
