package import SystemPackage

/// The text of a `config.json`, whose form an output keeps: order, spaces, and the keys of its generation.
package struct ConfigurationText: Sendable, Equatable {
    /// The keys of the type of the stored weights: of transformers 5, and of earlier ones.
    private static let keys = ["dtype", "torch_dtype"]
    /// The configuration of the text model in that of a model of several parts.
    private static let textModel = "text_config"

    /// The text as it is.
    package let bytes: [UInt8]

    /// Reads the `config.json` of a model directory.
    ///
    /// - Throws: `FormatError` if it is missing, or not a JSON object.
    package init(directory: FilePath) throws {
        let path = directory.appending("config.json")
        _ = try StrictJSON.object(in: path)
        bytes = try MappedFile(path).withBytes { Array($0) }
    }

    /// The text with this type of the weights, otherwise unchanged.
    ///
    /// Sets `dtype` and `torch_dtype` where they are present, also in `text_config`; adds `dtype` if the top level has
    /// neither.
    package func text(of type: ElementType) throws -> [UInt8] {
        let value = "\"\(type.configurationName)\""
        var result = bytes
        let members = try Self.members(bytes[...])
        var edits = members.filter { Self.keys.contains($0.place.name) }
            .map { (range: $0.place.value, text: value) }
        if edits.isEmpty { edits.append(Self.insertion(of: value, into: members.map(\.place), of: bytes)) }
        if let nested = members.first(where: { $0.place.name == Self.textModel }), nested.value.object != nil {
            edits += try Self.members(bytes[nested.place.value])
                .filter { Self.keys.contains($0.place.name) && $0.value != .null }
                .map { (range: $0.place.value, text: value) }
        }
        for edit in edits.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
            result.replaceSubrange(edit.range, with: edit.text.utf8)
        }
        return result
    }

    /// The members of an object, with places in the whole text.
    private static func members(_ object: ArraySlice<UInt8>) throws -> [(place: JSONMember, value: JSONValue)] {
        let start = object.startIndex
        return try object.withUnsafeBytes { bytes in
            var parser = JSONParser(bytes)
            return try parser.members().map { member in
                let (place, value) = member
                let range = start + place.value.lowerBound..<start + place.value.upperBound
                return (JSONMember(name: place.name, start: start + place.start, value: range), value)
            }
        }
    }

    /// The place and the text of `dtype`, before the first key that follows it in order, with the space before that key.
    private static func insertion(
        of value: String,
        into members: [JSONMember],
        of bytes: [UInt8]
    ) -> (range: Range<Int>, text: String) {
        let entry = "\"\(keys[0])\": \(value)"
        func space(before place: Int) -> String {
            let space = bytes[..<place].reversed().prefix { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
            return String(decoding: space.reversed(), as: UTF8.self)
        }
        if let next = members.first(where: { $0.name > keys[0] }) {
            return (next.start..<next.start, "\(entry),\(space(before: next.start))")
        }
        guard let last = members.last else {
            let end = bytes.firstIndex(of: UInt8(ascii: "}")) ?? bytes.endIndex
            return (end..<end, entry)
        }
        return (last.value.upperBound..<last.value.upperBound, ",\(space(before: last.start))\(entry)")
    }
}
