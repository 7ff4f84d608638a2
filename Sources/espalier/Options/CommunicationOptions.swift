internal import ArgumentParser
internal import Collectives
internal import Training

extension Collective: ExpressibleByArgument {}
extension ReduceDType: ExpressibleByArgument {}

/// How ranks share a step.
struct CommunicationOptions: ParsableArguments {
    @Option(
        name: .long,
        help: "Parts of every step, a power of two: the same bits on 1, 2, 4 … so many ranks (default: one a rank)."
    )
    var shards: Int?

    @Option(name: .long, help: "How gradients are added up: auto (default), mpi, ring, halving, direct, hierarchical.")
    var collective: Collective?

    @Option(name: .long, help: "What gradients are sent as: float32 (default) or bfloat16.")
    var reduceDtype: ReduceDType?

    @Option(name: .long, help: "MiB of gradients that are sent together (default 25).")
    var ddpBucketCapMb: Double?

    @Flag(name: .long, help: "Sends gradients only when all are computed.")
    var noOverlapComm = false

    /// Puts what was given over the settings of a file.
    func override(_ settings: inout CommunicationSettings) {
        shards.map { settings.shards = $0 }
        collective.map { settings.collective = $0 }
        reduceDtype.map { settings.reduceDType = $0 }
        ddpBucketCapMb.map { settings.bucketMiB = $0 }
        if noOverlapComm { settings.overlaps = false }
    }
}
