package import SystemPackage
internal import Yams
internal import Foundation

/// YAML settings whose every key must be known.
package enum StrictYAML {
    /// The mapping in a file as values that a decoder reads.
    ///
    /// - Throws: `FormatError` for a file that is missing or not YAML, and for a key that is not among `knownKeys`,
    ///   with its line and the nearest key that is.
    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        knownKeys: [String],
        from path: FilePath
    ) throws -> Value {
        let text = try MappedFile(path).withBytes { String(decoding: $0, as: UTF8.self) }
        do {
            let node = try Yams.compose(yaml: text) ?? Node.mapping([:])
            guard let mapping = node.mapping else {
                throw FormatError(path, "expected a mapping of settings to values")
            }
            for (key, _) in mapping {
                guard let name = key.string, knownKeys.contains(name) else { throw unknown(key, knownKeys, path) }
            }
            return try YAMLDecoder().decode(Value.self, from: node)
        } catch let error as DecodingError {
            throw FormatError(path, describe(error))
        } catch let error as YamlError {
            throw FormatError(path, "not valid YAML: \(error)".replacingOccurrences(of: "\n", with: " "))
        }
    }

    /// Settings as YAML that `decode` reads.
    package static func encode(_ value: some Encodable) throws -> String {
        guard let node = try Yams.compose(yaml: YAMLEncoder().encode(value)) else { return "" }
        return try Yams.serialize(node: legible(node))
    }

    /// Numbers as people write them: the encoder gives `1e-1` for 0.1.
    private static func legible(_ node: Node) -> Node {
        switch node {
        case .mapping(let mapping):
            let pairs = mapping.map { ($0.key, legible($0.value)) }
            return .mapping(Node.Mapping(pairs, mapping.tag, mapping.style))
        case .scalar(var scalar):
            guard scalar.style == .plain, scalar.string.contains("e"), let number = Double(scalar.string) else {
                return node
            }
            scalar.string = "\(number)"
            return .scalar(scalar)
        default: return node
        }
    }

    private static func unknown(_ key: Node, _ knownKeys: [String], _ path: FilePath) -> FormatError {
        let name = key.string ?? "\(key)"
        let line = key.mark.map { "line \($0.line): " } ?? ""
        let hint = nearest(to: name, among: knownKeys).map { "; did you mean \($0)?" } ?? ""
        return FormatError(path, "\(line)unknown key \(name)\(hint)")
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            return "\(context.codingPath.map(\.stringValue).joined(separator: ".")): expected \(type)"
        case .keyNotFound(let key, _): return "\(key.stringValue) is missing"
        case .dataCorrupted(let context):
            return "\(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }
}
