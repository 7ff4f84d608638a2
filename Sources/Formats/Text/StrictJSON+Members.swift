package import SystemPackage

extension StrictJSON {
    /// A value that has not been read yet.
    package struct Unread: ~Copyable {
        fileprivate var parser: JSONParser

        /// Whether the value is an object.
        package var isObject: Bool { parser.isAtObject }

        /// Reads the value.
        package mutating func read() throws -> JSONValue { try parser.value() }

        /// Reads an object member by member, without comparing names: names may repeat, and may be canonically equivalent.
        ///
        /// - Parameter body: Reads each value.
        package mutating func forEachMember(
            _ body: (_ name: String, _ value: inout Unread) throws -> Void
        ) throws {
            try parser.startObject()
            while let (name, _) = try parser.nextName() {
                try body(name, &self)
                try parser.finishMember()
            }
        }
    }

    /// Reads a file that contains one JSON object member by member; see `Unread.forEachMember`.
    ///
    /// - Throws: `FormatError` if the file is missing, not JSON, or not an object.
    package static func forEachMember(
        in path: FilePath,
        mostBytes: Int,
        _ body: (_ name: String, _ value: inout Unread) throws -> Void
    ) throws {
        try MappedFile(path).withBytes { bytes in
            guard bytes.count <= mostBytes else {
                throw FormatError(path, "expected at most \(mostBytes) bytes, found \(bytes.count)")
            }
            do {
                var value = Unread(parser: JSONParser(bytes))
                try value.forEachMember(body)
                try value.parser.requireEnd()
            } catch let fault as JSONFault {
                throw FormatError(path, "expected a JSON object, but \(fault)")
            }
        }
    }
}
