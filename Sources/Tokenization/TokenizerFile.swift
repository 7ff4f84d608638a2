internal import Formats
internal import SystemPackage

/// The content of a `tokenizer.json`: its components, and the vocabulary by bytes.
struct TokenizerFile {
    /// The largest file that is read: twice Gemma's.
    private static let mostBytes = 64 << 20

    /// The components but the model, by name.
    let parts: [String: JSONValue]
    /// The model without its vocabulary.
    let model: [String: JSONValue]
    /// The token of each piece.
    ///
    /// Pieces may be canonically equivalent, so that they are no keys as strings.
    let vocabulary: [[UInt8]: Int32]

    init(_ path: FilePath) throws {
        var parts: [String: JSONValue] = [:]
        var model: [String: JSONValue] = [:]
        var vocabulary: [[UInt8]: Int32] = [:]
        try StrictJSON.forEachMember(in: path, mostBytes: Self.mostBytes) { name, value in
            guard name == "model", value.isObject else {
                parts[name] = try value.read()
                return
            }
            try value.forEachMember { name, value in
                guard name == "vocab", value.isObject else {
                    model[name] = try value.read()
                    return
                }
                try value.forEachMember { piece, value in
                    guard let token = try value.read().wholeNumber.flatMap({ Int32(exactly: $0) }) else {
                        let found = "found another value at \(piece)"
                        throw FormatError(path, "model: vocab must map pieces to tokens, \(found)")
                    }
                    vocabulary[Array(piece.utf8)] = token
                }
            }
        }
        (self.parts, self.model, self.vocabulary) = (parts, model, vocabulary)
    }
}

extension JSONValue {
    /// The `type` of a component.
    var type: String? { object?["type"]?.string }

    /// A member of a component; nil if it is absent or null.
    subscript(key: String) -> JSONValue? { object?[key].flatMap { $0 == .null ? nil : $0 } }

    var flag: Bool? {
        guard case .flag(let flag) = self else { return nil }
        return flag
    }
}
