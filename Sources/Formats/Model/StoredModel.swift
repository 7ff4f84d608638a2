internal import SystemPackage

/// The size of stored tensors, by their types.
package struct StoredModel: Sendable, Equatable, Encodable {
    /// The tensors of one type.
    package struct Part: Sendable, Equatable, Encodable {
        /// The type's name in safetensors.
        package let type: String
        package internal(set) var tensors = 0
        package internal(set) var bytes = 0
    }

    /// The names of the files that hold them, sorted.
    package let files: [String]
    /// By type, the largest first.
    package let parts: [Part]

    /// The bytes of all these tensors.
    package var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }
    /// The number of these tensors.
    package var tensors: Int { parts.reduce(0) { $0 + $1.tensors } }
}

extension ModelWeights {
    /// The size of the stored tensors of these names.
    ///
    /// - Throws: `FormatError` for a name that is not stored.
    package func size(of names: [String]) throws -> StoredModel {
        var (files, parts) = (Set<String>(), [String: StoredModel.Part]())
        for name in names {
            let (info, path) = try info(name)
            let type = info.elementType.rawValue
            files.insert(path.lastComponent?.string ?? path.string)
            parts[type, default: StoredModel.Part(type: type)].tensors += 1
            parts[type]?.bytes += info.byteRange.count
        }
        return StoredModel(
            files: files.sorted(),
            parts: parts.values.sorted { ($1.bytes, $0.type) < ($0.bytes, $1.type) }
        )
    }
}
