internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The self-check that a run does before its first step.
@Suite(.serialized)
struct SelfCheckTests {
    @Test("the check runs, does not change the run, and can be disabled")
    func optional() throws {
        let checked = try train(["--self-check", "3"])
        let unchecked = try train(["--self-check", "0"])
        #expect(checked.weights == unchecked.weights && !checked.weights.isEmpty)
        #expect(checked.summary["self_check_difference"] ?? 1 < 1e-4)
        #expect(unchecked.summary["self_check_difference"] == nil)
    }

    @Test(
        "weights that give NaN stop all ranks with one message, before any step",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized")
    )
    func broken() throws {
        try Places.temporary { directory in
            let model = directory.appending("model")
            try FileManager.default.copyItem(atPath: Golden.tied.directory.string, toPath: model.string)
            try damage(model.appending("model.safetensors"))
            let output = directory.appending("out")
            let arguments = ["train", "--model", model.string, "--data", Golden.tied.file.string, "--threads", "1"]
            let outcome = try Launch.run("espalier", arguments + ["--output", output.string], ranks: 2)
            #expect(outcome.status > 0)
            let errors = outcome.errors.components(separatedBy: "\n").filter { $0.hasPrefix("error:") }
            let start = "error: rank 0: self-check: example "
            #expect(errors.count == 1 && errors[0].hasPrefix(start), "\(outcome.errors)")
            #expect(errors[0].hasSuffix("that are not finite; check the weights"))
            #expect(!FileManager.default.fileExists(atPath: output.appending("model.safetensors").string))
        }
    }

    /// Replaces the last norm's weights by the largest finite number, with which activations overflow.
    private func damage(_ path: FilePath) throws {
        let info = try #require(SafetensorsFile(path).tensors["model.norm.weight"])
        let handle = try #require(FileHandle(forUpdatingAtPath: path.string))
        try handle.seek(toOffset: UInt64(info.byteRange.lowerBound))
        let largest: [UInt8] = [0xFF, 0xFF, 0x7F, 0x7F]
        try handle.write(contentsOf: Data((0..<info.byteRange.count).map { largest[$0 % 4] }))
        try handle.close()
    }
}
