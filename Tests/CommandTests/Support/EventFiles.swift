internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The event files of one run, decoded as TensorBoard reads them.
struct EventFiles {
    struct Scalar: Hashable, CustomStringConvertible {
        let tag: String
        let step: Int
        /// The bits, so that NaN equals itself.
        let bits: UInt32

        init(_ tag: String, step: Int, _ value: Float) {
            (self.tag, self.step) = (tag, step)
            bits = (value.isNaN ? Float.nan : value).bitPattern
        }

        var description: String { "\(tag) \(Float(bitPattern: bits)) at \(step)" }
    }

    /// All scalars, with the number of their occurrences.
    private(set) var scalars: [Scalar: Int] = [:]
    /// The steps of starts: each but the first drops what is not before it.
    private(set) var starts: [Int] = []
    private(set) var texts: [String: String] = [:]
    private(set) var times: [Double] = []

    /// Reads the files in the order of their names.
    init(_ directory: FilePath) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.string).sorted() {
            try #require(name.contains("tfevents"))
            let data = try #require(FileManager.default.contents(atPath: directory.appending(name).string))
            for (number, event) in try Self.records([UInt8](data)).enumerated() {
                try read(event, isFirst: number == 0)
            }
        }
    }

    /// The scalars that occur in these files, or in the lines of `metrics.jsonl`, more often than in the other.
    func differences(from metrics: FilePath) throws -> [String] {
        let expected = try Self.scalars(of: metrics)
        return Set(scalars.keys).union(expected.keys).filter { scalars[$0] != expected[$0] }.map {
            "\($0): \(scalars[$0] ?? 0) and \(expected[$0] ?? 0)"
        }.sorted()
    }

    /// The scalars that the lines of `metrics.jsonl` give, with the number of their occurrences.
    private static func scalars(of metrics: FilePath) throws -> [Scalar: Int] {
        let lines = try String(contentsOfFile: metrics.string, encoding: .utf8).split(separator: "\n")
        return try lines.reduce(into: [:]) { scalars, line in
            // JSONSerialization rounds some numbers to a neighbour, whose float32 may differ: means of two are often in
            // the middle between two of these.
            let value = try Array(line.utf8).withUnsafeBytes { try StrictJSON.value(of: $0) }
            let step = try #require(value.object?["step"]?.wholeNumber)
            for (key, value) in value.object ?? [:] where key != "step" && value.string == nil && value.array == nil {
                let tag = key.hasPrefix("eval_") ? "eval/" + key.dropFirst(5) : "train/" + key
                let number = value.line == "null" ? Double.nan : try #require(value.double)
                scalars[Scalar(tag, step: step, Float(number)), default: 0] += 1
            }
        }
    }

    private mutating func read(_ event: Message, isFirst: Bool) throws {
        #expect(event.text(3) == (isFirst ? "brain.Event:2" : nil))
        times.append(try #require(event.double(1)))
        let step = event.integer(2) ?? 0
        if event.message(7)?.integer(1) == 1 {
            if !starts.isEmpty { scalars = scalars.filter { $0.key.step < step } }
            starts.append(step)
        }
        for value in event.message(5)?.messages(1) ?? [] {
            let tag = try #require(value.text(1))
            if let tensor = value.message(8) {
                #expect(value.message(9)?.message(1)?.text(1) == "text")
                texts[tag] = tensor.text(8)
            } else {
                scalars[Scalar(tag, step: step, try #require(value.float(2))), default: 0] += 1
            }
        }
    }

    /// Splits a TFRecord file, and compares the checksums.
    private static func records(_ bytes: [UInt8]) throws -> [Message] {
        var (records, rest) = ([Message](), bytes[...])
        while !rest.isEmpty {
            let count = Int(integer(rest.prefix(8)))
            try #require(rest.count >= 16 + count)
            #expect(integer(rest.dropFirst(8).prefix(4)) == UInt64(checksum(rest.prefix(8))))
            let content = rest.dropFirst(12).prefix(count)
            #expect(integer(rest.dropFirst(12 + count).prefix(4)) == UInt64(checksum(content)))
            records.append(try Message(content))
            rest = rest.dropFirst(16 + count)
        }
        return records
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The masked CRC-32C, bit by bit.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var remainder = ~UInt32(0)
        for byte in bytes {
            remainder ^= UInt32(byte)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder % 2 == 1 ? 0x82F6_3B78 : 0) }
        }
        return (~remainder >> 15 | ~remainder << 17) &+ 0xA282_EAD8
    }

    /// A message of Protocol Buffers: the values of each field.
    private struct Message {
        private enum Value {
            case integer(UInt64)
            case bytes(ArraySlice<UInt8>)
        }

        private var fields: [Int: [Value]] = [:]

        init(_ bytes: ArraySlice<UInt8>) throws {
            var rest = bytes
            func varint() throws -> UInt64 {
                let last = try #require(rest.firstIndex { $0 < 0x80 })
                defer { rest = rest[(last + 1)...] }
                return rest[...last].reversed().reduce(0) { $0 << 7 | UInt64($1 & 0x7F) }
            }
            while !rest.isEmpty {
                let key = try varint()
                let widths: [UInt64: Int] = [1: 8, 5: 4]
                if key % 8 == 0 {
                    fields[Int(key / 8), default: []].append(.integer(try varint()))
                } else {
                    let count = try widths[key % 8] ?? Int(varint())
                    try #require(rest.count >= count)
                    fields[Int(key / 8), default: []].append(.bytes(rest.prefix(count)))
                    rest = rest.dropFirst(count)
                }
            }
        }

        private func bytes(_ field: Int) -> [ArraySlice<UInt8>] {
            (fields[field] ?? []).compactMap { if case .bytes(let bytes) = $0 { bytes } else { nil } }
        }

        func integer(_ field: Int) -> Int? {
            if case .integer(let value) = fields[field]?.first { Int(truncatingIfNeeded: value) } else { nil }
        }

        func double(_ field: Int) -> Double? {
            bytes(field).first.map { Double(bitPattern: EventFiles.integer($0)) }
        }

        func float(_ field: Int) -> Float? {
            bytes(field).first.map { Float(bitPattern: UInt32(EventFiles.integer($0))) }
        }

        func text(_ field: Int) -> String? { bytes(field).first.map { String(decoding: $0, as: UTF8.self) } }

        func message(_ field: Int) -> Message? { messages(field).first }

        func messages(_ field: Int) -> [Message] { bytes(field).compactMap { try? Message($0) } }
    }
}

/// The directories of event files in an output directory, sorted; none without such files.
func eventDirectories(_ output: FilePath) throws -> [FilePath] {
    let runs = output.appending("runs")
    guard FileManager.default.fileExists(atPath: runs.string) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: runs.string).sorted().map { runs.appending($0) }
}
