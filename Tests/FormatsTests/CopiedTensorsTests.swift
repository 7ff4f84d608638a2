internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Tensors that are copied from a model's files.
struct CopiedTensorsTests {
    /// Tensors of several types, one longer than a part that is read at a time, and one without elements.
    private static var entries: [SafetensorsEntry] {
        [
            bfloat16Entry("vision.weight", count: 1_300_001), bfloat16Entry("vision.bias", count: 3),
            SafetensorsEntry(name: "position_ids", [1, -2, 3] as [Int64]),
            SafetensorsEntry(name: "scale", [0.5] as [Double]),
            SafetensorsEntry(name: "none", [] as [Float]), bytes("mask", .flag), bytes("scaled", .float8e4m3),
        ]
    }

    private static func bytes(_ name: String, _ type: ElementType) -> SafetensorsEntry {
        SafetensorsEntry(name: name, elementType: type, shape: [2, 1]) { body in
            try [UInt8]([1, 0]).withUnsafeBytes { try body($0) }
        }
    }

    private func copied(in directory: FilePath) throws -> CopiedTensors {
        try SafetensorsWriter.write(Self.entries, to: directory.appending("model.safetensors"))
        return try CopiedTensors(Self.entries.map(\.name), of: ModelWeights(directory: directory))
    }

    @Test("copied tensors have the same bytes, type and shape")
    func same() throws {
        try Places.temporary { directory in
            let (source, output) = (directory.appending("source"), directory.appending("output"))
            for place in [source, output] { try place.makeDirectory() }
            let copied = try copied(in: source)
            #expect(copied.byteCount == Self.entries.reduce(0) { $0 + $1.byteCount })
            let path = output.appending("model.safetensors")
            try SafetensorsWriter.write(copied.entries(), to: path)
            let expected = try Digest.sha256(ofFile: source.appending("model.safetensors"))
            #expect(try Digest.sha256(ofFile: path) == expected)
        }
    }

    @Test(
        "a file that has changed, is shorter or is gone is an error that names the tensor, and nothing is replaced",
        arguments: ["changed", "short", "gone"]
    )
    func changed(how: String) throws {
        try Places.temporary { directory in
            let source = directory.appending("model.safetensors")
            let copied = try copied(in: directory)
            let output = directory.appending("output.safetensors")
            try write("former", to: output)
            let handle = try #require(FileHandle(forUpdatingAtPath: source.string))
            let size = Int(try handle.seekToEnd())
            switch how {
            case "gone": #expect(unlink(source.string) == 0)
            case "short": try handle.truncate(atOffset: UInt64(size - 2))
            default:
                try handle.seek(toOffset: UInt64(size - 2))
                try handle.write(contentsOf: Data([77]))
            }
            let error = #expect(throws: FormatError.self) {
                try SafetensorsWriter.write(copied.entries(), to: output)
            }
            let text = error?.description ?? ""
            // Sorted by size of an element, then by name.
            let name = how == "gone" ? "position_ids" : "scaled"
            let what = how == "gone" ? "cannot be read: No such file" : "has changed since the run has read it"
            #expect(text.hasPrefix("\(source): tensor \(name), which is copied to the output, \(what)"), "\(text)")
            #expect(text.hasSuffix("; restore the model, then continue with --resume"))
            #expect(try String(contentsOfFile: output.string, encoding: .utf8) == "former")
            #expect(try names(in: directory).allSatisfy { !$0.hasSuffix(".tmp") })
        }
    }
}
