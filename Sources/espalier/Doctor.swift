internal import ArgumentParser
internal import Collectives
internal import Compute
internal import Configuration
internal import ScalingStudy
internal import Training

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks that this machine can run at full speed, and prints a remedy for each problem.",
        discussion: """
            Run it under mpirun with the options of the training run: binding and memory are then those of the real \
            ranks. Marks: ✓ good, ! costs speed, ✗ must be fixed. Exits with code 1 if anything must be fixed.
            """
    )

    @Option(name: .long, help: "Threads of a rank (default: its share of the processors).")
    var threads: Int?

    func run() throws {
        var isSound = true
        let status = World.run { communicator in
            let team = try communicator.agree {
                guard (0...1024).contains(threads ?? 0) else {
                    throw TrainingError.invalid(key: "--threads", expected: "from 0 to 1024", found: "\(threads ?? 0)")
                }
                return ThreadTeam.start(count: threadCount(threads ?? 0, on: communicator))
            }
            let findings = Diagnosis(communicator, threads: team.count).findings
            try printReports(communicator, findings)
            let comparisons = try Diagnosis.comparisons(communicator)
            if communicator.rank == 0 {
                for comparison in comparisons { print(comparison.text) }
            }
            if let links = try LinkMatrix.measure(communicator), communicator.rank == 0 {
                print(Diagnosis.comparison(of: links).text)
                print(links.table, terminator: "")
            }
            // On all ranks at the same time, so that shared resources count.
            try communicator.barrier()
            let rate = try communicator.agree { try PeakRate.measure(team: team) }
            if let rates = try communicator.gather([rate / Double(team.count)].span, root: 0) {
                print(Diagnosis.comparison(ofRatesPerThread: rates).text)
            }
            let faults = (findings + comparisons).count { $0.verdict == .fault }
            isSound = try communicator.maximum(Double(faults)) == 0
        }
        throw ExitCode(status == 0 && !isSound ? 1 : status)
    }

    /// Prints the ranks' reports on rank 0, identical ones once.
    private func printReports(_ communicator: any Communicator, _ findings: [Finding]) throws {
        let (ownGist, ownText) = (joined(findings, \.gist), joined(findings, \.text))
        var reports: [(gist: String, ranks: [Int], text: String)] = []
        for rank in 0..<communicator.size {
            let gist = try communicator.broadcast(ownGist, root: rank)
            let text = try communicator.broadcast(ownText, root: rank)
            if let index = reports.firstIndex(where: { $0.gist == gist }) {
                reports[index].ranks.append(rank)
            } else {
                reports.append((gist, [rank], text))
            }
        }
        guard communicator.rank == 0 else { return }
        for (_, ranks, text) in reports {
            if communicator.size > 1 {
                print("rank\(ranks.count > 1 ? "s" : "") \(ranks.map(String.init).joined(separator: ", "))")
            }
            print(text)
        }
    }

    private func joined(_ findings: [Finding], _ part: (Finding) -> String) -> String {
        findings.map(part).joined(separator: "\n")
    }
}
