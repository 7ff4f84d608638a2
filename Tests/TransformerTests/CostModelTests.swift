internal import Compute
internal import Preferences
internal import Testing
internal import Transformer

/// The FLOPs that plans and `mfu` count, compared with those that kernels record.
struct CostModelTests {
    @Test(
        "a step is planned with the FLOPs that it computes, for every architecture and number of layers",
        arguments: TinyArchitecture.all,
        Sharing.allCases
    )
    func step(tiny: TinyArchitecture, sharing: Sharing) throws {
        let cost = CostModel(tiny.model)
        let plan = try TinyData.plan(sharing, cost: cost)
        let rows = plan.packedSequences(shard: 0)
        let profile = Profile(threads: 1)
        let model = try TinyModel(tiny.model)
        _ = try model.gradient(rows, coefficients: rows.map(TinyData.coefficients), .init(profile: profile))
        func flops(_ kind: Profile.Kind) -> Int {
            profile.phases.flatMap(\.kinds).reduce(0) { $0 + ($1.kind == kind ? $1.cost.flops : 0) }
        }
        // The backward pass computes the scores once more: five products for each pair in place of four.
        let useful = Double(flops(.product)) + Double(flops(.attention)) * 12 / 14
        #expect(plan.trainingFLOPs == useful && plan.trainingFLOPs == 3 * cost.forwardFLOPs(of: plan.work))
        #expect(plan.work.predictionPositions < plan.work.tokens && flops(.attention) > 0)
    }
}
