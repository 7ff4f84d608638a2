internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Two runs with the same output directory.
@Suite(.serialized)
struct LockTests {
    private func start(
        _ output: FilePath,
        _ more: [String] = [],
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        let golden = Golden.tied
        let words = [
            "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", output.string,
            "--threads", "1", "--save-steps", "5", "--max-steps", "400",
        ]
        return try Launch.run("espalier", words + more, solo: true, watch: watch)
    }

    @Test("a second run is refused with the holder of the directory and its start time; a killed run leaves no lock")
    func second() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            var (second, holder): (Outcome?, Int32) = (nil, 0)
            let first = try start(output) { process in
                guard exists(output.appending("checkpoint-5")) else { return false }
                holder = process
                // It still exists, but makes no progress.
                kill(process, SIGSTOP)
                second = try? start(output, ["--resume"])
                kill(process, SIGKILL)
                return true
            }
            #expect(first.status == SIGKILL)
            let refused = try #require(second)
            // Not 64: the same command may succeed later.
            #expect(refused.status == 1)
            let reason = "error: \(output): in use by another run: process \(holder) on "
            #expect(refused.errors.hasPrefix(reason), "\(refused.errors)")
            #expect(refused.errors.contains(" since 20") && refused.errors.hasSuffix("or choose another --output\n"))
            #expect(exists(output.appending(".lock")))
            let third = try start(output, ["--resume"])
            #expect(third.status == 0, "\(third.errors)")
            #expect(!exists(output.appending(".lock")) && !exists(output.appending("stall")))
        }
    }
}
