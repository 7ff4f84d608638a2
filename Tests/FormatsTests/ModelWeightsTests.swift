internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Weights in one file or in shards with an index.
struct ModelWeightsTests {
    private static let index = "model.safetensors.index.json"

    private func writeShards(_ directory: FilePath, index map: [String: String]) throws {
        let shards: [(String, String, [Float])] = [("1.safetensors", "a", [1, 2]), ("2.safetensors", "b", [3])]
        for (file, tensor, values) in shards {
            try SafetensorsWriter.write([SafetensorsEntry(name: tensor, values)], to: directory.appending(file))
        }
        let json = try JSONSerialization.data(withJSONObject: ["metadata": ["total_size": 12], "weight_map": map])
        try write(Array(json), to: directory.appending(Self.index))
    }

    private func read(_ weights: ModelWeights, _ name: String, count: Int) throws -> [Float] {
        var values = [Float](repeating: 7, count: count)
        var span = values.mutableSpan
        try weights.read(name, shape: [count], into: &span)
        return values
    }

    @Test("model.safetensors takes precedence over an index, as in transformers", arguments: [false, true])
    func staleIndex(isBroken: Bool) throws {
        try Places.temporary { directory in
            try writeShards(directory, index: ["a": isBroken ? "3.safetensors" : "1.safetensors"])
            if isBroken { try write("[", to: directory.appending(Self.index)) }
            let path = directory.appending("model.safetensors")
            try SafetensorsWriter.write([SafetensorsEntry(name: "c", [5] as [Float])], to: path)
            let weights = try ModelWeights(directory: directory)
            #expect(try weights.names == ["c"] && read(weights, "c", count: 1) == [5])
            #expect(try weights.digest() == Digest.sha256(ofFile: path))
        }
    }

    @Test(
        "a model with an adapter, which transformers would apply, is refused, as an adapter's settings alone",
        arguments: ["adapter_model.safetensors", "adapter_model.bin"]
    )
    func adapter(file: String) throws {
        try Places.temporary { directory in
            let path = directory.appending("model.safetensors")
            try SafetensorsWriter.write([SafetensorsEntry(name: "c", [5] as [Float])], to: path)
            try write("{}", to: directory.appending("adapter_config.json"))
            expectRefusal(
                directory.appending("adapter_config.json"),
                "expected no settings of an adapter without its weights, which transformers looks for; remove the file"
            ) {
                _ = try ModelWeights(directory: directory)
            }
            try write("", to: directory.appending(file))
            let message =
                "and \(file) are an adapter in the directory of a model, which transformers would apply; move both to a "
                + "directory of their own and name it with --adapter, or remove them"
            expectRefusal(directory.appending("adapter_config.json"), message) {
                _ = try ModelWeights(directory: directory)
            }
            #expect(unlink(directory.appending("adapter_config.json").string) == 0)
            #expect(try ModelWeights(directory: directory).names == ["c"])
        }
    }

    @Test("shards are read as one model")
    func shards() throws {
        try Places.temporary { directory in
            try writeShards(directory, index: ["a": "1.safetensors", "b": "2.safetensors"])
            let weights = try ModelWeights(directory: directory)
            #expect(weights.names == ["a", "b"])
            #expect(try read(weights, "a", count: 2) == [1, 2] && read(weights, "b", count: 1) == [3])
            var digest = Digest()
            for file in ["1.safetensors", "2.safetensors"] {
                try MappedFile(directory.appending(file)).withBytes { digest.update($0) }
            }
            #expect(try weights.digest() == digest.hexadecimal)
        }
    }

    @Test("a single file is read, and a tensor that it lacks is named")
    func wholeFile() throws {
        try Places.temporary { directory in
            expectRefusal(
                directory,
                "expected a Hugging Face model with model.safetensors or its index, found neither; download the model with: "
                    + "hf download ORG/NAME --local-dir DIR"
            ) {
                _ = try ModelWeights(directory: directory)
            }
            let path = directory.appending("model.safetensors")
            try SafetensorsWriter.write([SafetensorsEntry(name: "model.norm.weight", [5] as [Float])], to: path)
            let weights = try ModelWeights(directory: directory)
            #expect(try read(weights, "model.norm.weight", count: 1) == [5])
            #expect(try weights.digest() == Digest.sha256(ofFile: path))
            expectRefusal(directory, "the model has no tensor model.norm.wait; the nearest is model.norm.weight") {
                _ = try read(weights, "model.norm.wait", count: 1)
            }
            expectRefusal(directory, "the model has no tensor lm_head.weight") {
                _ = try read(weights, "lm_head.weight", count: 1)
            }
            expectRefusal(path, "tensor model.norm.weight: expected shape [2], as config.json says, found [1]") {
                _ = try read(weights, "model.norm.weight", count: 2)
            }
        }
    }

    @Test(
        "a shard outside the model's directory is refused",
        arguments: ["../1.safetensors", "/1.safetensors", "a/b", "./1.safetensors", "..", ".", "", "1.safetensors/"]
    )
    func outside(name: String) throws {
        try Places.temporary { directory in
            try writeShards(directory, index: ["a": name, "b": "2.safetensors"])
            expectRefusal(directory.appending(Self.index), "tensor a: expected a bare file name, found \(name)") {
                _ = try ModelWeights(directory: directory)
            }
        }
    }

    @Test("a file name with a zero byte is refused")
    func zeroByte() throws {
        try Places.temporary { directory in
            try writeShards(directory, index: ["a": "1.safetensors\0x"])
            let error = #expect(throws: FormatError.self) { try ModelWeights(directory: directory) }
            #expect(error?.message == "tensor a: expected a bare file name, found 1.safetensors\0x")
        }
    }

    @Test("a shard that is missing, or lacks a tensor that the index promises, is named")
    func missing() throws {
        try Places.temporary { directory in
            try writeShards(directory, index: ["a": "1.safetensors", "b": "3.safetensors"])
            let path = directory.appending(Self.index)
            let remedy = "download or copy the model again"
            expectRefusal(path, "expected the file 3.safetensors, which does not exist; \(remedy)") {
                _ = try ModelWeights(directory: directory)
            }
            // The first by name, not by order in the file.
            try writeShards(
                directory,
                index: ["a": "1.safetensors", "model.z": "1.safetensors", "model.y": "1.safetensors"]
            )
            expectRefusal(path, "expected tensor model.y in 1.safetensors, which does not have it; \(remedy)") {
                _ = try ModelWeights(directory: directory)
            }
        }
    }

    @Test("a tensor that a shard has but the index does not name is not part of the model")
    func unnamed() throws {
        try Places.temporary { directory in
            try writeShards(directory, index: ["a": "1.safetensors"])
            let weights = try ModelWeights(directory: directory)
            #expect(weights.names == ["a"])
            let message = "expected an entry for tensor b, which 1.safetensors has; download or copy the model again"
            try SafetensorsWriter.write(
                ["a", "b"].map { SafetensorsEntry(name: $0, [1, 2] as [Float]) },
                to: directory.appending("1.safetensors")
            )
            expectRefusal(directory.appending(Self.index), message) {
                _ = try read(ModelWeights(directory: directory), "b", count: 2)
            }
        }
    }

    @Test("a shard may be a link to a file, as in the cache of the Hub, and nothing else")
    func links() throws {
        try Places.temporary { directory in
            let model = directory.appending("model")
            try model.makeDirectory()
            try writeShards(model, index: ["a": "1.safetensors", "b": "2.safetensors"])
            let (shard, blob) = (model.appending("1.safetensors"), directory.appending("blob"))
            #expect(rename(shard.string, blob.string) == 0 && symlink("../blob", shard.string) == 0)
            #expect(try ModelWeights(directory: model).names == ["a", "b"])
            for place in ["/dev/zero", directory.string] {
                unlink(shard.string)
                #expect(symlink(place, shard.string) == 0)
                let other = place == directory.string ? ", found a directory" : ""
                expectRefusal(shard, "expected a regular file\(other)") { _ = try ModelWeights(directory: model) }
            }
            for place in [shard.string, "nowhere"] {
                unlink(shard.string)
                #expect(symlink(place, shard.string) == 0)
                let message = "expected the file 1.safetensors, which does not exist; download or copy the model again"
                expectRefusal(model.appending(Self.index), message) { _ = try ModelWeights(directory: model) }
            }
        }
    }

    @Test(
        "an index that is not a JSON object is refused",
        arguments: [
            ("", ", but at byte 0 expected a value, found the end"), ("[]", ""),
            (
                #"{"weight_map":{"a":"1","a":"2"}}"#,
                ", but at byte 23 expected each name once, found a twice"
            ),
        ]
    )
    func notJSON(text: String, fault: String) throws {
        try Places.temporary { directory in
            let path = directory.appending(Self.index)
            try write(text, to: path)
            expectRefusal(path, "expected a JSON object" + fault) { _ = try ModelWeights(directory: directory) }
        }
    }

    @Test(
        "an index without a map is refused",
        arguments: ["{}", #"{"weight_map":{}}"#, #"{"weight_map":{"a":1}}"#, #"{"weight_map":["a"]}"#]
    )
    func notAnIndex(text: String) throws {
        try Places.temporary { directory in
            let path = directory.appending(Self.index)
            try write(text, to: path)
            expectRefusal(path, "expected an object weight_map from tensor names to file names") {
                _ = try ModelWeights(directory: directory)
            }
        }
    }
}
