internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The memory of a run that is stopped by a signal.
@Suite(.enabled(if: Launch.hasMPI, "mpirun is not installed"), .serialized)
struct StopMemoryTests {
    private static let (width, inner, layers, vocabulary) = (512, 1024, 3, 131)

    /// Writes a model of 8 million parameters, and returns the bytes of one copy of them.
    private func writeModel(to directory: FilePath) throws -> Int {
        try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
        let source = Golden.tied.directory.appending("config.json").string
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: source)))
        var configuration = json as? [String: Any] ?? [:]
        configuration["hidden_size"] = Self.width
        configuration["intermediate_size"] = Self.inner
        configuration["num_hidden_layers"] = Self.layers
        configuration["head_dim"] = Self.width / 8
        configuration["num_attention_heads"] = 8
        configuration["num_key_value_heads"] = 8
        let file = URL(fileURLWithPath: directory.appending("config.json").string)
        try JSONSerialization.data(withJSONObject: configuration).write(to: file)
        var shapes = ["model.norm.weight": [Self.width], "model.embed_tokens.weight": [Self.vocabulary, Self.width]]
        for layer in 0..<Self.layers {
            let prefix = "model.layers.\(layer)."
            for name in ["q_proj", "k_proj", "v_proj", "o_proj"] {
                shapes["\(prefix)self_attn.\(name).weight"] = [Self.width, Self.width]
            }
            shapes["\(prefix)mlp.down_proj.weight"] = [Self.width, Self.inner]
            for name in ["gate_proj", "up_proj"] { shapes["\(prefix)mlp.\(name).weight"] = [Self.inner, Self.width] }
            for name in ["input_layernorm", "post_attention_layernorm"] {
                shapes["\(prefix)\(name).weight"] = [Self.width]
            }
        }
        let entries = shapes.map { name, shape in
            SafetensorsEntry(name: name, shape: shape) { body in
                let count = shape.reduce(1, *)
                let values = (0..<count).map { shape.count == 1 ? 1 : Float(($0 * 7919) % 211 - 105) / 5000 }
                try body(values.span)
            }
        }
        try SafetensorsWriter.write(entries, metadata: ["format": "pt"], to: directory.appending("model.safetensors"))
        return shapes.values.reduce(0) { $0 + $1.reduce(1, *) } * MemoryLayout<Float>.stride
    }

    /// The bytes of a process's private writable memory; 0 if the process does not exist.
    private func ownBytes(_ process: Int32) -> Int {
        let status = FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data()
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmData:") }
        return line.flatMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first }.flatMap { Int($0) }
            .map { $0 << 10 } ?? 0
    }

    @Test("ranks that are stopped without save_steps write weights and moments without a copy")
    func stopped() throws {
        try Places.temporary { directory in
            let (model, output) = (directory.appending("model"), directory.appending("out"))
            let copy = try writeModel(to: model)
            let words = [
                "train", "--model", model.string, "--data", Golden.tied.file.string, "--output", output.string,
                "--threads", "1", "--global-batch-size", "6", "--max-steps", "100000", "--self-check", "0",
            ]
            var (before, after, rank) = (0, 0, Int32?.none)
            let metrics = output.appending("metrics.jsonl").string
            let outcome = try Launch.run("espalier", words, ranks: 2) { launcher in
                guard let process = rank else {
                    // After two steps all buffers have been touched.
                    guard FileManager.default.contents(atPath: metrics)?.count(where: { $0 == 0x0A }) ?? 0 >= 2
                    else { return false }
                    rank = RankProcesses.find(rank: 0, of: launcher)
                    before = rank.map(ownBytes) ?? 0
                    kill(launcher, SIGUSR1)
                    return false
                }
                after = max(after, ownBytes(process))
                return false
            }
            #expect(outcome.status == 75 && outcome.errors.contains("; pass --resume to continue from it\n"))
            try #require(before > 4 * copy && after > 0, "the processes were seen")
            #expect(after - before < copy, "\((after - before) / copy) copies of \(copy) bytes")
            let names = try FileManager.default.contentsOfDirectory(atPath: output.string)
            let saved = try #require(names.first { $0.hasPrefix("checkpoint-") })
            let moments = try SafetensorsFile(output.appending(saved).appending("optimizer.safetensors"))
            #expect(moments.tensors.count == 2 * (2 + 9 * Self.layers))
        }
    }

    @Test("if the checkpoint of a stop cannot be written, no rank keeps waiting, and the reason is printed")
    func failed() throws {
        try Places.temporary { directory in
            let (model, output) = (directory.appending("model"), directory.appending("out"))
            _ = try writeModel(to: model)
            let words = [
                "train", "--model", model.string, "--data", Golden.tied.file.string, "--output", output.string,
                "--threads", "1", "--global-batch-size", "6", "--max-steps", "100000", "--self-check", "0",
            ]
            let metrics = output.appending("metrics.jsonl").string
            let outcome = try Launch.run("espalier", words, ranks: 2) { launcher in
                guard FileManager.default.contents(atPath: metrics)?.isEmpty == false else { return false }
                // A file in place of the directory, so that nothing can be created in it.
                rename(output.string, output.string + ".aside")
                _ = FileManager.default.createFile(atPath: output.string, contents: nil)
                kill(launcher, SIGUSR1)
                return true
            }
            #expect(outcome.status == 1 || outcome.status == 64, "\(outcome.errors)")
            #expect(outcome.errors.contains("error: \(output)/"), "\(outcome.errors)")
        }
    }
}
