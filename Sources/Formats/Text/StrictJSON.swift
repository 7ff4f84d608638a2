package import SystemPackage

/// A strict reader of JSON (RFC 8259) for untrusted files: input on which parsers differ is refused.
///
/// Names in an object are unique, nesting is at most `maximumDepth` levels, text is valid UTF-8, and nothing follows
/// the value. Memory is bounded by some tens of times the text, which has at most `maximumByteCount` bytes.
package enum StrictJSON {
    /// The maximum number of bytes of a text.
    package static let maximumByteCount = 16 << 20
    /// The maximum nesting depth of arrays and objects.
    package static let maximumDepth = 64

    /// Parses all of `bytes` as one value.
    ///
    /// - Throws: `JSONFault` for the first fault.
    package static func value(of bytes: UnsafeRawBufferPointer) throws -> JSONValue {
        guard bytes.count <= maximumByteCount else {
            throw JSONFault("at most \(maximumByteCount) bytes", found: "\(bytes.count)", offset: maximumByteCount)
        }
        var parser = JSONParser(bytes)
        return try parser.document()
    }

    /// Reads a file that contains one JSON object.
    ///
    /// - Throws: `FormatError` if it is missing, not JSON, or not an object.
    package static func object(in path: FilePath) throws -> [String: JSONValue] {
        try MappedFile(path).withBytes { bytes in
            do {
                guard let object = try value(of: bytes).object else {
                    throw FormatError(path, "expected a JSON object")
                }
                return object
            } catch let fault as JSONFault {
                throw FormatError(path, "expected a JSON object, \(mark(bytes) ?? found(path, fault))")
            }
        }
    }

    /// A byte order mark at the start, which JSON does not have; nil for none.
    private static func mark(_ bytes: UnsafeRawBufferPointer) -> String? {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            return "found a byte order mark; save the file as UTF-8 without it"
        }
        let isWide = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
        return isWide ? "found UTF-16; save the file as UTF-8 without a byte order mark" : nil
    }

    /// What was found in place of JSON: a file of another kind, or the first fault.
    private static func found(_ path: FilePath, _ fault: JSONFault) -> String {
        switch FileKind(path) {
        case nil, .empty, .json, .text: "but \(fault)"
        case .pointer?: "found \(FileKind.pointer.rawValue); fetch it with git lfs pull or hf download"
        case let kind?: "found \(kind.rawValue); download or copy the file again"
        }
    }
}

/// A text is not valid JSON, or is refused by the strict rules.
package struct JSONFault: Error, CustomStringConvertible, Equatable {
    /// The offset in the text, in bytes.
    package let offset: Int
    private let expected: String
    private let found: String

    init(_ expected: String, found: String, offset: Int) {
        (self.expected, self.found, self.offset) = (expected, found, offset)
    }

    package var description: String { "at byte \(offset) expected \(expected), found \(found)".printable() }
}
