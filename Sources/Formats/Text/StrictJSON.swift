package import SystemPackage

/// Reads JSON (RFC 8259) with distrust: what other parsers take in different ways is refused.
///
/// An object has no name twice, nesting goes to `deepest`, text is whole UTF-8, and nothing follows the value. Memory is
/// at most some tens of times the text, which is at most `longest` bytes.
package enum StrictJSON {
    /// The most bytes of a text.
    package static let longest = 16 << 20
    /// The most arrays and objects that lie within each other.
    package static let deepest = 64

    /// The value that the whole of `bytes` is.
    ///
    /// - Throws: `JSONFault` for the first fault.
    package static func value(of bytes: UnsafeRawBufferPointer) throws -> JSONValue {
        guard bytes.count <= longest else {
            throw JSONFault("at most \(longest) bytes", found: "\(bytes.count)", offset: longest)
        }
        var parser = JSONParser(bytes)
        return try parser.document()
    }

    /// The object that a file is.
    ///
    /// - Throws: `FormatError` where it is missing, not JSON, or not an object.
    package static func object(in path: FilePath) throws -> [String: JSONValue] {
        try MappedFile(path).withBytes { bytes in
            do {
                guard let object = try value(of: bytes).object else {
                    throw FormatError(path, "expected a JSON object")
                }
                return object
            } catch let fault as JSONFault {
                throw FormatError(path, "expected a JSON object, but \(fault)")
            }
        }
    }
}

/// A text is not JSON, or not to be trusted.
package struct JSONFault: Error, CustomStringConvertible, Equatable {
    /// Where in the text, in bytes.
    package let offset: Int
    private let expected: String
    private let found: String

    init(_ expected: String, found: String, offset: Int) {
        (self.expected, self.found, self.offset) = (expected, found, offset)
    }

    package var description: String { "at byte \(offset) expected \(expected), found \(found)".printable() }
}
