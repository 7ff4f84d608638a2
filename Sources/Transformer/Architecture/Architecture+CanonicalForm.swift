internal import Formats
internal import Foundation

extension Architecture {
    /// The version of `canonicalForm`; a change of the form's rules or of a feature's name raises it.
    package static let canonicalVersion = 1

    /// The architecture as text that identifies it: sorted JSON without disabled features.
    ///
    /// Digests of models are computed over it. Since `false`, `null`, empty values and `defaults` are omitted, a feature
    /// that is added later does not change the form of models without it.
    package var canonicalForm: String {
        get throws {
            let encoded = try JSONEncoder().encode(self)
            let value = try encoded.withUnsafeBytes { try StrictJSON.value(of: $0) }
            let features = Self.withoutNeutral(value) ?? .object([:])
            return "espalier-architecture \(Self.canonicalVersion) " + features.line
        }
    }

    /// The values that stand for the absence of a feature, by key.
    private static let defaults: [String: JSONValue] = [
        "activation": .string("silu"), "branches": .string("sequential"), "positions": .string("global"),
        "projection": .string("separate"),
    ]

    private static func withoutNeutral(_ value: JSONValue) -> JSONValue? {
        switch value {
        case .null, .flag(false): return nil
        case .array(let values):
            return values.isEmpty ? nil : .array(values.map { withoutNeutral($0) ?? .object([:]) })
        case .object(let object):
            let kept = object.filter { defaults[$0] != $1 }.compactMapValues(withoutNeutral)
            return kept.isEmpty ? nil : .object(kept)
        default: return value
        }
    }
}
