internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// The hand-written backward passes against central differences of a plain float64 model.
struct CentralDifferenceTests {
    /// The architecture of a tiny model, and how it is computed.
    struct Shape: Sendable, CustomTestStringConvertible {
        var sharing: Sharing
        var layers = 1
        var heads = 4
        var groups = 2
        var tied = false
        var threads = 1
        var logitBytes = 1 << 20

        var testDescription: String {
            "\(sharing), \(layers) layers, \(heads) heads on \(groups), \(tied ? "tied" : "free"), "
                + "\(threads) threads, \(logitBytes) logit bytes"
        }

        static let all = [
            Shape(sharing: .prefix),
            Shape(sharing: .none, groups: 4, tied: true, threads: 2, logitBytes: 1),
            Shape(sharing: .prompt, heads: 3, groups: 1),
            Shape(sharing: .prefix, layers: 2, threads: 3),
        ]
    }

    /// Two examples: one with three nested forks, one with a response that another extends and a duplicate
    /// response.
    private static let responses: [(prompt: [Int32], responses: [[Int32]])] = [
        ([1, 5, 2, 8], [[3, 4, 6, 7, 9], [3, 4, 6, 10], [3, 4, 11, 2], [3, 12], [0, 3]]),
        ([5, 5], [[2, 7], [2, 7, 1, 4], [2, 7], [8]]),
    ]

    private static func dataset(_ rows: [(prompt: [Int32], responses: [[Int32]])]) throws -> PreferenceDataset {
        func offsets(_ counts: [Int]) -> [Int] { counts.reduce(into: [0]) { $0.append($0.last! + $1) } }
        let responses = rows.flatMap(\.responses)
        return try PreferenceDataset(
            promptIDs: rows.flatMap(\.prompt),
            promptOffsets: offsets(rows.map(\.prompt.count)),
            responseIDs: responses.flatMap { $0 },
            responseOffsets: offsets(responses.map(\.count)),
            exampleOffsets: offsets(rows.map(\.responses.count))
        )
    }

    private static func depth(of row: PackedSequence) -> Int {
        var depths: [Int] = []
        for node in row.nodes { depths.append(node.parent < 0 ? 1 : depths[node.parent] + 1) }
        return depths.max() ?? 0
    }

    /// Coefficients of both signs for each token of each response; those of one response are 0.
    private static func coefficients(of row: PackedSequence) -> [Double] {
        row.responses.enumerated().flatMap { index, response in
            response.labels.map { index == 3 ? 0 : noise(777 + $0) }
        }
    }

    @Test("gradients follow central differences, weight by weight", arguments: Shape.all)
    func weights(shape: Shape) throws {
        let dataset = try Self.dataset(Self.responses)
        // Both trees in one packed sequence, and the second again in a separate one.
        let rows = [[0, 1], [1]].map {
            PackedSequence($0.map { TokenTree(dataset, example: $0, sharing: shape.sharing) })
        }
        #expect(Self.depth(of: rows[0]) == (shape.sharing == .prefix ? 5 : shape.sharing == .prompt ? 2 : 1))
        let tiny = try TinyModel(layers: shape.layers, heads: shape.heads, groups: shape.groups, tied: shape.tied)
        let reference = ReferenceModel(tiny.architecture, layout: tiny.layout)
        let coefficients = rows.map(Self.coefficients)
        let found = try tiny.gradient(
            rows,
            coefficients: coefficients,
            threads: shape.threads,
            logitBytes: shape.logitBytes
        )
        func loss(_ weights: [Double]) -> Double {
            zip(rows, coefficients).reduce(0) { $0 + reference.loss($1.0, weights: weights, coefficients: $1.1) }
        }
        var weights = tiny.weights
        var compared = 0
        for tensor in tiny.layout.tensors {
            let norm = found[tensor.range].reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(norm > 0, "\(tensor.name)")
            let sampled = min(tensor.count, 24)
            for sample in 0..<sampled {
                let index = tensor.offset + tensor.count * sample / sampled
                let value = weights[index]
                // With h = 1e-5 the difference is accurate to some 1e-9; the gradients are float32 sums.
                weights[index] = value + 1e-5
                let above = loss(weights)
                weights[index] = value - 1e-5
                let difference = (above - loss(weights)) / 2e-5
                weights[index] = value
                #expect(abs(found[index] - difference) < 1e-5 * norm, "\(tensor.name)[\(index - tensor.offset)]")
                compared += 1
            }
        }
        #expect(compared >= 200)
    }

    @Test("gradients are right also for nodes of several tiles and blocks")
    func long() throws {
        // A trunk longer than a tile of keys (384), and branches longer than a block of queries.
        func tokens(_ count: Int, _ seed: Int) -> [Int32] {
            (0..<count).map { Int32(6.5 * (noise(seed + $0) + 1)) }
        }
        let start = tokens(70, 5000)
        let dataset = try Self.dataset([
            (tokens(9, 100), [tokens(4, 200), tokens(3, 300)]),
            (tokens(390, 1000), [start + tokens(40, 2000), start + tokens(3, 3000), tokens(110, 4000)]),
        ])
        let row = PackedSequence([0, 1].map { TokenTree(dataset, example: $0, sharing: .prefix) })
        let tiny = try TinyModel(layers: 2, heads: 2, groups: 1, width: 2, tied: false)
        let reference = ReferenceModel(tiny.architecture, layout: tiny.layout)
        let coefficients = Self.coefficients(of: row)
        let found = try tiny.gradient([row], coefficients: [coefficients], threads: 2, logitBytes: 1 << 20)
        let weights = tiny.weights
        var compared = 0
        // A direction in all elements of a tensor: the directional derivative is its product with the gradient.
        for tensor in tiny.layout.tensors {
            let direction = tensor.range.map { noise(90_000 + $0) }
            let (length, norm) = (self.norm(direction), self.norm(found[tensor.range]))
            func loss(_ step: Double) -> Double {
                var moved = weights
                for (index, slope) in zip(tensor.range, direction) { moved[index] += step * slope / length }
                return reference.loss(row, weights: moved, coefficients: coefficients)
            }
            let expected = (loss(1e-5) - loss(-1e-5)) / 2e-5
            let product = zip(found[tensor.range], direction).reduce(0) { $0 + $1.0 * $1.1 } / length
            // Rotary angles are float32 here as in transformers: at position 500 accurate to 3e-5 rad.
            #expect(norm > 0 && abs(product - expected) < 1e-4 * norm, "\(tensor.name)")
            compared += 1
        }
        #expect(compared == 21 && row.tokens.count > 500)
    }

    private func norm(_ values: some Sequence<Double>) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}
