internal import Compute
internal import Foundation
internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// Attention over a tree, with its projections and rotation, against its formula in float64.
struct AttentionTests {
    /// Heads and key/value heads.
    private static let shapes = [(1, 1), (4, 2), (3, 1)]
    /// Windows within the own node and beyond forks, scale and cap of the scores, and the size of the team.
    struct Setting: Sendable {
        var window: Int?
        var scale: Float?
        var cap: Float?
        var threads = 1

        static let all = [
            Setting(), Setting(threads: 3), Setting(window: 2, threads: 3), Setting(window: 4, cap: 0.3),
            Setting(scale: 1.5, cap: 2),
        ]
    }

    private static let (width, headWidth, theta) = (6, 4, 50.0)

    /// `Wᵒ · attention(rotate(x Wᵀ))` in float64, over the tokens that each token sees.
    private static func formula(
        _ row: PackedSequence,
        _ shape: Architecture.Attention,
        _ window: Int?,
        _ x: [Double],
        _ projection: [Double],
        _ output: [Double]
    ) -> [Double] {
        let (heads, groups, head) = (shape.heads, shape.keyValueHeads, shape.headWidth)
        let columns = (heads + 2 * groups) * head
        let projected = row.tokens.indices.map { token in
            (0..<columns).map { column in
                (0..<width).reduce(0) { $0 + x[token * width + $1] * projection[column * width + $1] }
            }
        }
        func rotated(_ token: Int, _ start: Int) -> [Double] {
            (0..<head).map { i in
                let half = head / 2
                let angle = Double(row.positions[token]) * pow(theta, -2 * Double(i % half) / Double(head))
                let (a, b) = (projected[token][start + i % half], projected[token][start + i % half + half])
                return i < half ? a * cos(angle) - b * sin(angle) : b * cos(angle) + a * sin(angle)
            }
        }
        return row.tokens.indices.flatMap { token -> [Double] in
            let attended = (0..<heads).flatMap { index -> [Double] in
                let group = index / (heads / groups)
                let query = rotated(token, index * head)
                let depth = row.positions[token]
                let seen = visible(token, in: row).filter { depth - row.positions[$0] < window ?? .max }
                let weights = seen.map { other -> Double in
                    let key = rotated(other, (heads + group) * head)
                    let score: Double = zip(query, key).reduce(0) { $0 + $1.0 * $1.1 }
                    let scaled = score * (shape.scoreScale.map(Double.init) ?? 1 / Double(head).squareRoot())
                    return exp(shape.scoreCap.map { Double($0) * tanh(scaled / Double($0)) } ?? scaled)
                }
                let total = weights.reduce(0, +)
                return (0..<head).map { element -> Double in
                    let column = (heads + groups + group) * head + element
                    let sum: Double = zip(weights, seen).reduce(0) { $0 + $1.0 * projected[$1.1][column] }
                    return sum / total
                }
            }
            return (0..<width).map { out in
                attended.indices.reduce(0) { $0 + attended[$1] * output[out * attended.count + $1] }
            }
        }
    }

    /// The tokens of a token's ancestors, and those of its own node up to itself.
    private static func visible(_ token: Int, in row: PackedSequence) -> [Int] {
        let own = row.nodes.first { $0.tokens.contains(token) }!
        var seen = Array(own.tokens.lowerBound...token)
        var parent = own.parent
        while parent >= 0 {
            seen += row.nodes[parent].tokens
            parent = row.nodes[parent].parent
        }
        return seen
    }

    @Test("attention and all gradients follow central differences", arguments: shapes, Setting.all)
    func gradients(shape: (heads: Int, groups: Int), setting: Setting) throws {
        let (row, window, threads) = (try Forks.row(), setting.window, setting.threads)
        let (tokens, width) = (row.tokens.count, Self.width)
        var attention = Architecture.Attention(
            heads: shape.heads,
            keyValueHeads: shape.groups,
            headWidth: Self.headWidth
        )
        (attention.scoreScale, attention.scoreCap) = (setting.scale, setting.cap)
        let columns = (shape.heads + 2 * shape.groups) * Self.headWidth
        let inner = shape.heads * Self.headWidth
        let x = try TestMatrix(tokens, width) { noise($0 * 100 + $1) }
        let projection = try TestMatrix(columns, width) { noise(10_000 + $0 * 100 + $1) }
        let output = try TestMatrix(width, inner) { noise(20_000 + $0 * 100 + $1) }
        let dy = try TestMatrix(tokens, width) { noise(30_000 + $0 * 100 + $1) }
        let dprojection = try TestMatrix(columns, width)
        let doutput = try TestMatrix(width, inner)
        let operation = Attention(
            attention,
            queryKeyValue: Linear(weight: projection.view, weightGradient: dprojection.view),
            output: Linear(weight: output.view, weightGradient: doutput.view)
        )
        let found = try Self.compute(operation, attention, row, window, x.view, dy.view, threads: threads)

        let (inputs, first, second, slopes) = (x.doubles, projection.doubles, output.doubles, dy.doubles)
        func formula(_ x: [Double], _ first: [Double], _ second: [Double]) -> [Double] {
            Self.formula(row, attention, window, x, first, second)
        }
        func loss(_ y: [Double]) -> Double { zip(y, slopes).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(relativeError(found.y, formula(inputs, first, second)) < 5e-6)
        let byInput = centralDifferences({ loss(formula($0, first, second)) }, at: inputs)
        #expect(relativeError(found.dx, byInput) < 1e-5)
        let byProjection = centralDifferences({ loss(formula(inputs, $0, second)) }, at: first)
        #expect(relativeError(dprojection.doubles, byProjection) < 1e-5)
        let byOutput = centralDifferences({ loss(formula(inputs, first, $0)) }, at: second)
        #expect(relativeError(doutput.doubles, byOutput) < 1e-5)
    }

    /// Runs the operation forward and backward over the packed sequence, as a layer does.
    private static func compute(
        _ operation: Attention,
        _ attention: Architecture.Attention,
        _ row: PackedSequence,
        _ window: Int?,
        _ x: Matrix,
        _ dy: Matrix,
        threads: Int
    ) throws -> (y: [Double], dx: [Double]) {
        let (tokens, columns) = (row.tokens.count, operation.queryKeyValue.weight.rows)
        let team = ThreadTeam.start(count: threads)
        let model = Architecture(
            vocabularySize: 10,
            width: width,
            layerCount: 1,
            maxPositions: 64,
            norm: Architecture.Norm(epsilon: 1e-5),
            attention: attention,
            feedForward: Architecture.FeedForward(width: 1),
            rotary: Architecture.Rotary(theta: theta),
            tiesEmbeddings: true
        )
        let workspace = try Workspace(model, capacity: .init(tokens: tokens, trains: true), threads: threads)
        let context = LayerContext(
            0,
            RowPass(row, outputs: nil, attention: workspace.attention, threads: threads, window: window),
            keeping: true,
            rotary: try Rotary(model.rotary, headWidth: headWidth, count: 64),
            workspace: workspace,
            team: team
        )
        let projected = try TestMatrix(tokens, columns)
        let dprojected = try TestMatrix(tokens, columns)
        let y = try TestMatrix(tokens, width)
        let dx = try TestMatrix(tokens, width)
        let dattended = try TestMatrix(tokens, operation.output.weight.columns)
        operation.project(x, block: 0..<tokens, projected: projected.view, context)
        operation.attend(context)
        operation.output.forward(context.attended, into: y.view)

        operation.output.inputGradient(dy, into: dattended.view)
        let gradients = workspace.attentionGradients(tokens: tokens)
        operation.attendBackward(dattended.view, into: gradients, context)
        let none = try TestMatrix(1, 0).view
        operation.projectBackward(
            gradients,
            block: 0..<tokens,
            dprojected: dprojected.view,
            into: dx.view,
            dnorms: (none, none),
            context
        )
        Linear.addWeightGradients(
            [
                Linear.Contribution(linear: operation.output, dy: dy, x: context.attended),
                Linear.Contribution(linear: operation.queryKeyValue, dy: dprojected.view, x: x),
            ],
            team: team
        )
        return (y.doubles, dx.doubles)
    }
}
