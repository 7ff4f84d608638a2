internal import Collectives
internal import Compute
internal import Preferences
internal import TestSupport
internal import Testing
internal import Training
internal import Transformer

/// The progress that the watchdog observes while one packed sequence is computed.
@Suite(.serialized)
struct ThreadTeamProgressTests {
    @Test("one packed sequence counts as progress many times, in every part of both passes", arguments: [1, 3])
    func row(threads: Int) throws {
        let policy = try Policy.read(directory: Golden.tied.directory, team: .reporting(count: threads))
        let dataset = try PreferenceDataset.read(path: Golden.tied.file)
        let row = PackedSequence([TokenTree(dataset, example: 0, sharing: .prefix)])
        let model = try ForestModel(
            policy.architecture,
            positions: dataset.longestSequence,
            capacity: .init(tokens: row.tokens.count, trains: true),
            team: policy.team
        )
        let gradients = try ParameterBuffer(policy.layout)
        var seen = [Progress.state.motions]
        _ = model.accumulateGradients(
            row,
            parameters: policy.parameters(gradients: gradients),
            layersLeft: { _ in seen.append(Progress.state.motions) },
            lossGradient: { _, examples in
                seen.append(Progress.state.motions)
                return row.examples[examples].flatMap { row.responses[$0.responses] }.flatMap(\.labels).map { _ in 1 }
            }
        )
        // Forward pass and logits, head, and the backward pass of each of three layers.
        #expect(seen.count == 1 + 1 + 1 + 3)
        for (before, after) in zip(seen, seen.dropFirst()) { #expect(after >= before + 3) }
    }
}
