package import Collectives
internal import Compute
internal import Formats
internal import Reporting

/// Prints on rank 0, before the first step, what costs speed or changes results and follows from hosts and environment;
/// collective.
///
/// - Parameter threads: The setting of threads per rank; 0 for the rank's share.
package func reportHosts(threads: Int, on communicator: any Communicator) throws {
    try ProcessorUse.report(threads, on: communicator)
    try reportKernels(communicator)
}

/// Prints the core of OpenBLAS if the user selected it, or if ranks run different ones.
private func reportKernels(_ communicator: any Communicator) throws {
    let own = OpenBLASCore.name
    let first = try communicator.broadcast(own, root: 0)
    let other = Int(try communicator.maximum(own == first ? -1 : Double(communicator.rank)))
    if other > 0 {
        let name = try communicator.broadcast(own, root: other)
        guard communicator.rank == 0 else { return }
        printNotice(
            "warning: OpenBLAS uses kernels for \(first) on rank 0, for \(name) on rank \(other): speed and the last bits of "
                + "results differ; set \(OpenBLASCore.variable) to the same core on all ranks"
        )
    } else if communicator.rank == 0, let choice = OpenBLASCore.userChoice {
        let setting = "\(OpenBLASCore.variable)=\(choice)".printable()
        printNotice("\(setting) selects OpenBLAS's kernels, those for \(own): speed, and the last bits of results")
    }
}
