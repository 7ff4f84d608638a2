internal import Collectives
internal import Foundation
internal import Supervision
internal import SystemPackage
internal import TestSupport
internal import Testing

struct StallDirectoryTests {
    private let record = StallRecord(
        Progress.State(motions: 3, step: 12, phase: "training", call: "barrier", calls: 481, isInCall: true),
        beat: 7,
        seconds: 30
    )

    private func link(_ path: FilePath, to place: FilePath) throws {
        try FileManager.default.createSymbolicLink(atPath: path.string, withDestinationPath: place.string)
    }

    @Test("a rank's record is read as it was written, and only one rank claims the verdict")
    func records() throws {
        try Places.temporary { output in
            let directory = StallDirectory(in: output)
            directory.make()
            directory.write(record, rank: 3)
            #expect(directory.read(rank: 3) == record)
            #expect(directory.read(rank: 2) == nil)
            #expect(directory.claimVerdict() && !directory.claimVerdict())
            directory.write(verdict: "stalled")
            let verdict = try String(contentsOfFile: output.appending("stall/verdict").string, encoding: .utf8)
            #expect(verdict == "stalled\n")
        }
    }

    @Test("a link in place of a record or the verdict is not followed", arguments: [true, false])
    func links(exists: Bool) throws {
        try Places.temporary { output in
            let (directory, other) = (StallDirectory(in: output), output.appending("other"))
            directory.make()
            // A valid record, which would be read if the link were followed.
            directory.write(record, rank: 0)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: output.appending("stall/rank-0").string))
            if exists { try bytes.write(to: URL(fileURLWithPath: other.string)) }
            for name in ["rank-1", "verdict"] { try link(output.appending("stall/\(name)"), to: other) }
            let later = StallRecord(
                Progress.State(motions: 4, step: 13, phase: "training", call: "barrier", calls: 500, isInCall: true),
                beat: 8,
                seconds: 60
            )
            directory.write(later, rank: 1)
            directory.write(verdict: "stalled")
            #expect(directory.read(rank: 1) == nil && !directory.claimVerdict())
            #expect(FileManager.default.contents(atPath: other.string) == (exists ? bytes : nil))
        }
    }

    @Test("a link in place of the directory is not followed")
    func directoryLink() throws {
        try Places.temporary { output in
            let (directory, other) = (StallDirectory(in: output), output.appending("other"))
            try FileManager.default.createDirectory(atPath: other.string, withIntermediateDirectories: false)
            try link(output.appending("stall"), to: other)
            directory.make()
            directory.write(record, rank: 0)
            #expect(!directory.claimVerdict() && directory.read(rank: 0) == nil)
            #expect(try FileManager.default.contentsOfDirectory(atPath: other.string).isEmpty)
        }
    }

    @Test("a pipe in place of a record blocks no rank", .timeLimit(.minutes(1)))
    func pipe() throws {
        try Places.temporary { output in
            let directory = StallDirectory(in: output)
            directory.make()
            #expect(mkfifo(output.appending("stall/rank-0").string, 0o600) == 0)
            directory.write(record, rank: 0)
            #expect(directory.read(rank: 0) == nil)
        }
    }
}
