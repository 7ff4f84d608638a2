internal import Compute
internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Training
internal import Transformer

/// The output of a model of which only a part is trained.
@Suite(.serialized)
struct ModelDirectoryTests {
    /// A text model in files that also hold a vision tower.
    private enum Wrapper: Family {
        static let modelType = "llama"
        static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
            try Llama.architecture(&reader)
        }
        static func name(of module: Module) -> String { Llama.name(of: module) }
        static func isPassedThrough(_ tensorName: String) -> Bool { tensorName.hasPrefix("vision_tower.") }
    }

    private static var vision: [SafetensorsEntry] {
        [
            bfloat16Entry("vision_tower.patches.weight", count: 700_000), bfloat16Entry("vision_tower.bias", count: 5),
            SafetensorsEntry(name: "vision_tower.position_ids", [0, 1, 2] as [Int64]),
        ]
    }

    /// The model with other weights, which stand for trained ones.
    private func policy(seed: UInt64 = 5) throws -> Policy {
        let architecture = try ModelDescription(directory: Golden.tied.directory).architecture
        let description = ModelDescription(architecture, family: Wrapper.self)
        return try Policy.random(description, seed: seed, team: ThreadTeam.start(count: 1))
    }

    private func model(in directory: FilePath) throws -> ShardedModel {
        try ShardedModel(of: .tied, in: directory.appending("source"), adding: Self.vision)
    }

    @Test("an output has the trained tensors in float32 and the others byte for byte, in the shards of its source")
    func passedThrough() throws {
        try Places.temporary { directory in
            let (model, policy) = (try model(in: directory), try policy())
            let output = directory.appending("output")
            let prepared = try ModelDirectory.prepare(
                output,
                for: policy.description,
                adapter: nil,
                from: model.directory
            )
            try prepared.write(policy.layout.entries(of: policy.weights.flat))
            let (written, source) = (try storedTensors(output), try storedTensors(model.directory))
            #expect(Set(written.keys) == Set(source.keys) && written.count == 29 + Self.vision.count)
            for entry in Self.vision { #expect(written[entry.name] == source[entry.name]) }
            for tensor in policy.layout.tensors {
                let values = policy.weights.flat.columns(tensor.range).elements()
                let bytes = values.withUnsafeBytes { Array($0) }
                #expect(written[tensor.name] == Array("F32 \(tensor.shape) ".utf8) + bytes)
                #expect(written[tensor.name] != source[tensor.name] || tensor.parameter.kind == .norm)
            }
            for (shard, names) in model.tensors {
                #expect(try Set(SafetensorsFile(output.appending(shard)).tensors.keys) == names)
            }
            // Again, in place of the first.
            let other = try self.policy(seed: 6)
            try prepared.write(other.layout.entries(of: other.weights.flat))
            #expect(try storedTensors(output) != written)
            try prepared.write(policy.layout.entries(of: policy.weights.flat))
            #expect(try storedTensors(output) == written)
        }
    }

    @Test(
        "a source that is gone or has changed is one error, and the former output stays",
        arguments: ["gone", "weights", "tokenizer"]
    )
    func changed(what: String) throws {
        try Places.temporary { directory in
            let (model, policy) = (try model(in: directory), try policy())
            let tokenizer = model.directory.appending("tokenizer.json")
            try write("{}", to: tokenizer)
            let output = directory.appending("output")
            let prepared = try ModelDirectory.prepare(
                output,
                for: policy.description,
                adapter: nil,
                from: model.directory
            )
            try prepared.write(policy.layout.entries(of: policy.weights.flat))
            let former = try storedTensors(output)
            switch what {
            case "gone": try FileManager.default.removeItem(atPath: model.directory.string)
            case "tokenizer": #expect(unlink(tokenizer.string) == 0)
            default:
                _ = try ShardedModel(of: .tied, in: directory.appending("other"), adding: other)
                let shard = ShardedModel.shards[2]
                let changed = directory.appending("other").appending(shard)
                #expect(rename(changed.string, model.directory.appending(shard).string) == 0)
            }
            let trained = try self.policy(seed: 6)
            let error = #expect(throws: FormatError.self) {
                try prepared.write(trained.layout.entries(of: trained.weights.flat))
            }
            let text = error?.description ?? ""
            #expect(text.hasPrefix(model.directory.resolved?.string ?? directory.string), "\(text)")
            #expect(text.hasSuffix("; restore the model, then continue with --resume") && !text.contains("\n"))
            #expect(
                text.contains(what == "weights" ? "tensor vision_tower.bias, which is" : "tokenizer.json"),
                "\(text)"
            )
            #expect(try storedTensors(output) == former)
            #expect(try names(in: output).allSatisfy { !$0.hasSuffix(".tmp") })
        }
    }

    /// The same tensors with other bytes in one of them.
    private var other: [SafetensorsEntry] {
        [Self.vision[0], bfloat16Entry("vision_tower.bias", count: 5, start: 1), Self.vision[2]]
    }

    @Test("a shard with a name that the output needs is refused", arguments: ["optimizer.safetensors", "weights.bin"])
    func shardNames(shard: String) throws {
        try Places.temporary { directory in
            let (model, policy) = (try model(in: directory), try policy())
            let index = model.directory.appending(WeightFiles.index)
            let text = try String(contentsOfFile: index.string, encoding: .utf8)
            try write(text.replacingOccurrences(of: ShardedModel.shards[0], with: shard), to: index)
            let place = model.directory.appending(shard).string
            #expect(rename(model.directory.appending(ShardedModel.shards[0]).string, place) == 0)
            let message =
                "expected names of shards that end with .safetensors and are not hidden, optimizer.safetensors or "
                + "best.safetensors, found \(shard); rename the file, also in the index"
            expectRefusal(index, message) {
                _ = try ModelDirectory.prepare(
                    directory.appending("output"),
                    for: policy.description,
                    adapter: nil,
                    from: model.directory
                )
            }
        }
    }
}
