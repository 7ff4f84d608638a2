extension KeyedDecodingContainer {
    /// Decodes the value of `key`, if present, into `field`.
    package func read<Value: Decodable>(_ key: Key, into field: inout Value) throws {
        if let value = try decodeIfPresent(Value.self, forKey: key) { field = value }
    }

    /// Decodes the choice that `key` names, if present, into `field`; the error for another name lists all choices.
    package func choose<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: Key,
        into field: inout Choice
    ) throws {
        guard let name = try decodeIfPresent(String.self, forKey: key) else { return }
        guard let choice = Choice(rawValue: name) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            let problem = "expected one of \(known), found \(name.quotable())"
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: problem)
        }
        field = choice
    }
}
