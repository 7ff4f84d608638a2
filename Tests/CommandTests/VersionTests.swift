internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The version of the program, where it is printed and recorded.
@Suite(.serialized)
struct VersionTests {
    private static let keys = ["version", "compiler", "blas", "blas_kernels", "mpi"]

    @Test("--version prints version and commit on the first line, then commit, compiler and libraries")
    func page() throws {
        let lines = try Launch.run("espalier", ["--version"], solo: true).output.split(separator: "\n").map(String.init)
        try #require(lines.count == 5)
        let first = try #require(try /espalier \d+\.\d+\.\d+(-dev)?(?: \(([0-9a-f]{7})\))?/.wholeMatch(in: lines[0]))
        let commit = try #require(try /commit    ([0-9a-f]{40}|unknown)/.wholeMatch(in: lines[1]))
        #expect(first.2.map { commit.1.hasPrefix($0) } ?? (commit.1 == "unknown"))
        #expect(lines[2].hasPrefix("compiler  Swift 6."))
        #expect(lines[3].hasPrefix("BLAS      OpenBLAS 0.") && lines[3].contains("; kernels for "))
        #expect(lines[4].hasPrefix("MPI       "))
        // A subcommand prints the same.
        #expect(try Launch.run("espalier", ["train", "--version"], solo: true).output.hasPrefix(lines[0] + "\n"))
    }

    @Test("summary, record of the run and checkpoints state the same program, and what an earlier start ran")
    func records() throws {
        try Places.temporary { directory in
            let runs = TinyRuns(output: directory.appending("out"))
            try runs.finish(["--max-steps", "2", "--save-steps", "1"])
            let summary = try object(runs.output, "summary.json")
            #expect(Set(Self.keys).isSubset(of: summary.keys))
            let names = Self.keys + ["commit"]
            let expected = summary.filter { names.contains($0.key) }.compactMapValues { $0 as? String }
            let checkpoint = try object(runs.output, "checkpoint-1/espalier-state.json")
            let history = try #require(checkpoint["history"] as? [String: Any])
            #expect(history["software"] as? [String: String] == expected)
            #expect(try object(runs.output, "espalier-run.json")["software"] as? [String: String] == expected)
            // A run by a version that did not record itself, resumed by this one.
            try rewriteCheckpoint(runs.output.appending("checkpoint-1"), "espalier-state.json") { state in
                state.replacingOccurrences(of: "\"software\"", with: "\"unread\"")
            }
            try reopen(runs.output)
            try runs.finish(["--max-steps", "2", "--resume"])
            let record = try object(runs.output, "espalier-run.json")
            #expect(record["software"] as? [String: String] == expected)
            let earlier = try #require(record["earlier"] as? [[String: Any]])
            #expect(earlier.count == 1 && earlier[0]["software"] == nil)
        }
    }

    private func object(_ directory: FilePath, _ name: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: directory.appending(name).string))
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }
}
