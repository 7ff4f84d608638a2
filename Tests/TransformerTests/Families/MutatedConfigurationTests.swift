internal import Formats
internal import Foundation
internal import Preferences
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Configurations of published models with changed values: each is an architecture or an error, never a trap.
struct MutatedConfigurationTests {
    private static let values: [JSONValue] =
        ["0", "1", "2", "3", "7", "-1", "0.5", "1e-45", "1e300", "4097", "1048576", "16777216", "9223372036854775807"]
        .map { .number($0) } + [
            .null, .flag(true), .flag(false), .string(""), .string("gelu"), .string("yarn"), .array([]), .object([:]),
            .array([.number("1"), .number("0")]), .array([.string("sliding_attention")]),
            .object(["rope_type": .string("yarn"), "factor": .number("2"), "rope_theta": .number("1")]),
            .object(["rope_type": .string("dynamic"), "factor": .number("1e30")]),
            .object([
                "rope_type": .string("longrope"), "short_factor": .array([]), "long_factor": .array([]),
                "original_max_position_embeddings": .number("1"),
            ]),
        ]

    /// Configurations that differ from one object, or an object inside, in one value: a third of them, others by `turn`.
    private func mutations(of object: [String: JSONValue], turn: Int) -> [[String: JSONValue]] {
        object.keys.sorted().enumerated().flatMap { number, key -> [[String: JSONValue]] in
            let inner = object[key]?.object.map { mutations(of: $0, turn: turn + number) } ?? []
            let values = Self.values.enumerated().filter { ($0.offset + number + turn) % 3 == 0 }.map(\.element)
            return (values + inner.map { .object($0) }).map { value in
                var changed = object
                changed[key] = value
                return changed
            }
        }
    }

    @Test("a changed value gives a consistent architecture, or an error", arguments: ["config", "newer"])
    func mutations(form: String) throws {
        var (read, refused) = (0, 0)
        try Places.temporary { directory in
            let file = directory.appending("config.json")
            for (turn, (_, model)) in try PublishedModelsTests.models.sorted(by: { $0.key < $1.key }).enumerated() {
                var object = try #require(model[form]?.object)
                object["vision_config"] = nil
                for changed in mutations(of: object, turn: turn) {
                    try JSONValue.object(changed).line.write(toFile: file.string, atomically: false, encoding: .utf8)
                    guard let model = try? ModelDescription(directory: directory).architecture else {
                        refused += 1
                        continue
                    }
                    read += 1
                    check(model)
                }
            }
        }
        #expect(read > 1000 && refused > 1000)
    }

    private func check(_ model: Architecture) {
        #expect(throws: Never.self) { try model.canonicalForm }
        let head = model.attention.headWidth
        for rotary in [model.rotary, model.localRotary].compactMap({ $0 }) where head <= 4096 {
            #expect(rotary.frequencies(headWidth: head).count == (rotary.rotatedWidth ?? head) / 2)
        }
        #expect((1...model.maxPositions).contains(model.longestPath))
        #expect((0..<model.layerCount).allSatisfy { !model.kind(ofLayer: $0).isWindowed || model.window != nil })
        guard model.layerCount <= 64 else { return }
        #expect(model.parameterCount > 0)
    }
}
