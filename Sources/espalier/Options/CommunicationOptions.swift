internal import ArgumentParser
internal import Collectives
internal import Configuration

extension Collective: ExpressibleByArgument {}
extension ReduceDType: ExpressibleByArgument {}

/// The options of the communication between ranks.
struct CommunicationOptions: ParsableArguments {
    @Option(
        name: .long,
        help: """
            Shards of every step, a power of two and a multiple of the ranks: with the same --threads, results are \
            bit-identical on 1, 2, 4 … up to that many ranks (default: one per rank).
            """
    )
    var shards: Int?

    @Option(
        name: .long,
        help: "Algorithm of the gradient reduction; auto takes the fastest, measured at the start (default auto)."
    )
    var collective: Collective?

    @Option(name: .long, help: "Data type in which gradients are sent; sums are float32 (default float32).")
    var reduceDtype: ReduceDType?

    @Option(name: .long, help: "Gradient bucket size in MiB (default 25).")
    var ddpBucketCapMb: Double?

    @Flag(
        inversion: .prefixedNo,
        help: "Send gradients during the backward pass, or after it (default: during it)."
    )
    var overlapComm: Bool?

    /// Overrides the settings of a file by the options given.
    func override(_ settings: inout CommunicationSettings) {
        shards.map { settings.shards = $0 }
        collective.map { settings.collective = $0 }
        reduceDtype.map { settings.reduceDType = $0 }
        ddpBucketCapMb.map { settings.bucketMiB = $0 }
        overlapComm.map { settings.overlaps = $0 }
    }
}
