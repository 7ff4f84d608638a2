package import SystemPackage

extension StrictJSON {
    /// The names in the object that `key` has in the object of a file, in the order of the text.
    ///
    /// - Returns: The names; none if the key is absent, or its value is no object.
    /// - Throws: `FormatError` if the file is missing, not JSON, or not an object.
    package static func names(in path: FilePath, of key: String) throws -> [String] {
        _ = try object(in: path)
        return try MappedFile(path).withBytes { bytes in
            var parser = JSONParser(bytes)
            let members = try parser.members()
            guard let member = members.first(where: { $0.place.name == key }), member.value.object != nil else {
                return []
            }
            var nested = JSONParser(UnsafeRawBufferPointer(rebasing: bytes[member.place.value]))
            return try nested.members().map(\.place.name)
        }
    }
}

extension StrictJSON {
    /// The members of the object in a file, in the order of the text.
    ///
    /// - Throws: `FormatError` if the file is missing, not JSON, or not an object.
    package static func members(in path: FilePath) throws -> [(name: String, value: JSONValue)] {
        _ = try object(in: path)
        return try MappedFile(path).withBytes { bytes in
            var parser = JSONParser(bytes)
            return try parser.members().map { ($0.place.name, $0.value) }
        }
    }
}
