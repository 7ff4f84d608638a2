internal import ArgumentParser
internal import Collectives
internal import Compute
internal import Configuration
internal import Reporting
internal import ScalingStudy
internal import Training

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks that this machine can run at full speed, and prints a remedy for each problem.",
        discussion: """
            Run it as the training run is started, under mpirun or srun with the same options: ranks, threads, binding \
            and memory are then those of the real run. Each line is one check: ✓ good, ! works but costs speed or \
            needs a look, ✗ must be fixed; → is the remedy. Exits with code 1 if anything must be fixed.

              mpirun -np 2 --bind-to none espalier doctor
            """
    )

    @Option(
        name: .long,
        help: "Threads per rank, as in the training run, 0 for its share of the available processors (default 0)."
    )
    var threads: Int?

    func run() throws {
        var faults = 0
        let status = World.run { communicator in
            let team = try communicator.agree {
                guard (0...1024).contains(threads ?? 0) else {
                    throw TrainingError.invalid(key: "--threads", expected: "from 0 to 1024", found: "\(threads ?? 0)")
                }
                return try ThreadTeam.tryStart(count: threadCount(threads ?? 0, on: communicator))
            }
            let use = try ProcessorUse.measure(threads ?? 0, on: communicator)[communicator.rank]
            let findings = Diagnosis(communicator, threads: team.count, use: use).findings
            var lines = try printReports(communicator, findings)
            func show(_ finding: Finding) {
                guard communicator.rank == 0 else { return }
                print(finding.text)
                lines.append(finding.text)
            }
            let comparisons = try Diagnosis.comparisons(communicator)
            comparisons.forEach(show)
            if let links = try LinkMatrix.measure(communicator), communicator.rank == 0 {
                show(Diagnosis.comparison(of: links))
                print(links.table, terminator: "")
            }
            try measureRate(team, communicator).map(show)
            let products = try Diagnosis.products(team, communicator)
            show(products)
            if communicator.rank == 0 { print(Self.result(lines)) }
            let own = (findings + comparisons + [products]).count { $0.verdict == .fault }
            faults = Int(try communicator.maximum(Double(own)))
        }
        throw ExitCode(status == 0 && faults > 0 ? 1 : status)
    }

    /// Compares the ranks' speeds, measured on all ranks at the same time, so that shared resources count; nil except on
    /// rank 0.
    private func measureRate(_ team: ThreadTeam, _ communicator: any Communicator) throws -> Finding? {
        // The first measurement is discarded: for 0.1 s after the start, idle threads of OpenBLAS yield in a loop, and the
        // scheduler may place two of the team's threads on one processor.
        _ = try PeakRate.measureOwn(team: team, communicator: communicator)
        let rate = try PeakRate.measureOwn(team: team, communicator: communicator)
        let threads = Double(min(team.count, Processor.availableCount))
        let own = [rate.float32, rate.bfloat16 ?? 0, rate.library].map { $0 / threads }
        guard let all = try communicator.gather(own.span, root: 0) else { return nil }
        let rates = stride(from: 0, to: all.count, by: own.count).map { first in
            let bfloat16 = all[first + 1]
            return PeakRate(float32: all[first], bfloat16: bfloat16 > 0 ? bfloat16 : nil, library: all[first + 2])
        }
        let isOneHost = communicator.hostShare.ranks == communicator.size
        return Diagnosis.comparison(ofRatesPerThread: rates, isOneHost: isOneHost)
    }

    /// The last line of the report, from the findings before it.
    static func result(_ texts: [String]) -> String {
        let lines = texts.flatMap { $0.split(separator: "\n") }
        func count(_ verdict: Finding.Verdict) -> Int { lines.count { $0.hasPrefix("\(verdict.rawValue) ") } }
        let (faults, warnings) = (count(.fault), count(.warning))
        if faults + warnings == 0 { return "Nothing to fix." }
        let first = faults == 0 ? "Nothing must be fixed" : "\(counted(faults, "problem")) must be fixed (✗)"
        return first + (warnings == 0 ? "." : "; \(counted(warnings, "warning")) (!).")
    }

    /// Prints the ranks' reports on rank 0, identical ones once.
    ///
    /// - Returns: The printed reports.
    private func printReports(_ communicator: any Communicator, _ findings: [Finding]) throws -> [String] {
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
        guard communicator.rank == 0 else { return [] }
        for (_, ranks, text) in reports {
            if communicator.size > 1 {
                print("rank\(ranks.count > 1 ? "s" : "") \(ranks.map(String.init).joined(separator: ", "))")
            }
            print(text)
        }
        return reports.map(\.text)
    }

    private func joined(_ findings: [Finding], _ part: (Finding) -> String) -> String {
        findings.map(part).joined(separator: "\n")
    }
}
