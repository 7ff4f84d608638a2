internal import Foundation
internal import Collectives
internal import Testing
internal import TestSupport

@Suite(.enabled(if: Launch.hasMPI, "mpirun is not installed"), .serialized)
struct CommunicatorTests {
    @Test("sums, maxima, broadcasts and gathers are right on every rank", arguments: [1, 2, 3, 4])
    func reductions(ranks: Int) throws {
        let outcome = try Launch.run("RankProgram", ["reduce"], ranks: ranks)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output == "ok \(ranks)\n")
    }

    @Test("a process without a launcher is a job of one")
    func solo() throws {
        let outcome = try Launch.run("RankProgram", ["reduce"], solo: true)
        #expect(outcome.output == "ok 1\n", "\(outcome.errors)")
    }

    @Test("a reduction of more than one piece is complete")
    func pieces() throws {
        #expect(try Launch.run("RankProgram", ["large"], ranks: 2).output == "ok 2\n")
    }

    @Test(
        "every collective sums each slice in its documented order and gathers all slices on each rank",
        // Without optimization eight ranks take a minute to compute the expected values.
        arguments: Launch.isOptimized ? [2, 3, 4, 6, 7, 8] : [2, 3]
    )
    func exchanges(ranks: Int) throws {
        let outcome = try Launch.run("RankProgram", ["exchange"], ranks: ranks)
        #expect(outcome.output == "ok \(ranks)\n", "\(outcome.errors)")
    }

    @Test("messages of any length arrive between any two ranks", arguments: [2, 3])
    func messages(ranks: Int) throws {
        let outcome = try Launch.run("RankProgram", ["messages"], ranks: ranks)
        #expect(outcome.output == "ok \(ranks)\n", "\(outcome.errors)")
    }

    @Test("the collective is chosen among those that sum in the same order and suit the hosts", arguments: [2, 4])
    func hosts(ranks: Int) throws {
        let outcome = try Launch.run("RankProgram", ["hosts"], ranks: ranks)
        #expect(outcome.output == "ok \(ranks)\n", "\(outcome.errors)")
    }

    @Test("a failure that ranks agree on is printed once, by the lowest rank that failed, and all ranks finalize MPI")
    func agreedFailure() throws {
        let outcome = try Launch.run("RankProgram", ["agree"], ranks: 3)
        #expect(outcome.status == 1)
        #expect(outcome.errors.components(separatedBy: "error: disk 1 is gone\n").count == 2, "\(outcome.errors)")
        #expect(!outcome.errors.contains("disk 2"))
    }

    @Test("a rank that fails alone aborts all ranks, with its reason printed once", arguments: [2, 4])
    func loneFailure(ranks: Int) throws {
        let outcome = try Launch.run("RankProgram", ["throw"], ranks: ranks, timeout: 30)
        #expect(outcome.status > 0)
        let reason = "error: rank \(ranks - 1): out of luck\n"
        #expect(outcome.errors.components(separatedBy: reason).count == 2, "\(outcome.errors)")
    }
}
