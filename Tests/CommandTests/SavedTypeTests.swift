internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// The type in which a trained model is written.
@Suite(.serialized)
struct SavedTypeTests {
    /// Trains the tiny tied model in another type, and returns the output.
    private func train(
        _ type: ElementType,
        in directory: FilePath,
        to name: String,
        _ more: [String]
    ) throws -> FilePath {
        let (source, output) = (directory.appending("source-\(type.rawValue)"), directory.appending(name))
        if !exists(source) { try TypedModel.write(.tied, as: type, to: source) }
        let words = [
            "train", "--model", source.string, "--data", Golden.tied.file.string, "--output", output.string,
            "--global-batch-size", "2", "--threads", "1",
        ]
        let outcome = try Launch.run("espalier", words + more, solo: true)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        return output
    }

    private func text(_ file: FilePath) throws -> String { try String(contentsOfFile: file.string, encoding: .utf8) }

    private func types(_ directory: FilePath) throws -> Set<ElementType> {
        let weights = try ModelWeights(directory: directory)
        return try Set(weights.names.map { try weights.info($0).info.elementType })
    }

    @Test(
        "a model whose weights do not change is written with the bytes and the configuration that were read",
        arguments: [ElementType.bfloat16, .float16, .float32]
    )
    func unchanged(type: ElementType) throws {
        try Places.temporary { directory in
            let source = directory.appending("source-\(type.rawValue)")
            let output = try train(type, in: directory, to: "out", ["--max-steps", "2", "--learning-rate", "1e-30"])
            #expect(try storedTensors(output) == storedTensors(source))
            #expect(try storedTensors(output).count == 29 && types(output) == [type])
            #expect(try text(output.appending("config.json")) == text(source.appending("config.json")))
            #expect(try text(output.appending("config.json")).contains("\"\(type.configurationName)\""))
        }
    }

    /// The nearest number of a type, ties to even.
    private func nearest(_ value: Float, _ type: ElementType) -> Float {
        guard type == .bfloat16 else { return Float(Float16(value)) }
        let (upper, rest) = (value.bitPattern & 0xFFFF_0000, value.bitPattern & 0xFFFF)
        let isUp = rest > 0x8000 || rest == 0x8000 && upper & 0x1_0000 != 0
        return Float(bitPattern: upper + (isUp ? 0x1_0000 : 0))
    }

    @Test("trained weights are rounded once, to the type of the setting or of the model")
    func rounded() throws {
        try Places.temporary { directory in
            func run(_ name: String, _ more: [String]) throws -> FilePath {
                try train(.bfloat16, in: directory, to: name, ["--max-steps", "4", "--learning-rate", "0.01"] + more)
            }
            let exact = try run("float32", ["--save-dtype", "float32"])
            #expect(try types(exact) == [.float32])
            #expect(try text(exact.appending("config.json")).contains("\"float32\""))
            let weights = try TrainedRun(exact).weights
            for (name, type) in [("auto", ElementType.bfloat16), ("bfloat16", .bfloat16), ("float16", .float16)] {
                let output = try run(name, ["--save-dtype", name])
                #expect(try types(output) == [type])
                #expect(try text(output.appending("config.json")).contains("\"\(type.configurationName)\""))
                let found = try TrainedRun(output).weights
                #expect(found.count == 29 && found != weights)
                for (tensor, values) in weights {
                    #expect(try #require(found[tensor]) == values.map { nearest($0, type) }, "\(tensor)")
                }
            }
        }
    }

    @Test(
        "a change that nearest numbers would lose is kept on average, which is reported",
        arguments: [ElementType.bfloat16, .float16]
    )
    func kept(type: ElementType) throws {
        try Places.temporary { directory in
            let options = ["--max-steps", "2", "--learning-rate", "1e-6", "--lr-scheduler-type", "constant"]
            let source = directory.appending("source-\(type.rawValue)")
            let exact = try train(type, in: directory, to: "float32", options + ["--save-dtype", "float32"])
            let output = try train(type, in: directory, to: "auto", options)
            #expect(try types(output) == [type])
            let (weights, found) = (try TrainedRun(exact).weights, try TrainedRun(output).weights)
            let layout = try ModelDescription(directory: source).parameters.trained
            let start = try storedValues(source.appending("model.safetensors"))
            var (kept, whole) = (0.0, 0.0)
            for tensor in layout.tensors {
                let values = try #require(weights[tensor.name])
                let written = try #require(found[tensor.name])
                #expect(written == Dithering.rounded(values, from: tensor.offset, type), "\(tensor.name)")
                for (index, before) in try #require(start[tensor.name]).enumerated() {
                    let change = Double(values[index] - before)
                    kept += Double(written[index] - before) * change
                    whole += change * change
                }
            }
            #expect(whole > 0 && abs(kept / whole - 1) < 0.1, "\(kept / whole)")
            let words = ["train", "--model", source.string, "--data", Golden.tied.file.string, "--threads", "1"]
            let notice = "note: the nearest numbers of \(type.configurationName) would write "
            for (name, more) in [
                ("note", []), ("none", ["--save-dtype", "float32"]), ("far", ["--learning-rate", "0.01"]),
            ] {
                let output = ["--output", directory.appending(name).string]
                let outcome = try Launch.run("espalier", words + output + options + more, solo: true)
                #expect(outcome.errors.contains(notice) == more.isEmpty, "\(outcome.errors)")
            }
        }
    }

    @Test("a run that resumes from a checkpoint of a bfloat16 model has the bits of an uninterrupted one")
    func resumed() throws {
        try Places.temporary { directory in
            let options = ["--max-steps", "8", "--save-steps", "3", "--learning-rate", "0.01"]
            let output = try train(.bfloat16, in: directory, to: "out", options)
            let expected = try storedTensors(output)
            let saved = checkpoint(output, 3)
            #expect(try types(saved) == [.float32] && types(output) == [.bfloat16])
            #expect(try text(saved.appending("config.json")).contains("\"float32\""))
            // What is resumed from has bits that bfloat16 has not.
            let file = try SafetensorsFile(saved.appending("model.safetensors"))
            let embedding = try file.float32s("model.embed_tokens.weight")
            #expect(embedding.contains { $0.bitPattern & 0xFFFF != 0 })
            try FileManager.default.removeItem(atPath: checkpoint(output, 6).string)
            try FileManager.default.removeItem(atPath: output.appending("model.safetensors").string)
            try reopen(output)
            _ = try train(.bfloat16, in: directory, to: "out", options + ["--resume"])
            #expect(try storedTensors(output) == expected)
        }
    }

    @Test("the best model is written in the type of the model, also by a run that resumes")
    func best() throws {
        try Places.temporary { directory in
            let options = [
                "--max-steps", "8", "--save-steps", "6", "--learning-rate", "0.01", "--eval-data",
                Golden.tied.file.string, "--eval-steps", "2", "--load-best-model-at-end", "--metric-for-best-model",
                "rewards/rejected",
            ]
            let output = try train(.bfloat16, in: directory, to: "out", options)
            let (expected, config) = (try storedTensors(output), try text(output.appending("config.json")))
            #expect(try types(output) == [.bfloat16] && config.contains("\"bfloat16\""))
            try FileManager.default.removeItem(atPath: output.appending("model.safetensors").string)
            try reopen(output)
            _ = try train(.bfloat16, in: directory, to: "out", options + ["--resume"])
            #expect(try storedTensors(output) == expected && expected.count == 29)
            #expect(try text(output.appending("config.json")) == config)
        }
    }
}
