internal import Formats
internal import Foundation

extension Architecture {
    /// The version of `canonicalForm`; a change of the form's rules or of a feature's name raises it.
    package static let canonicalVersion = 1

    /// The architecture as text that identifies it: sorted JSON without disabled features.
    ///
    /// Digests of models are computed over it. Since `false`, `null` and empty values are omitted, a feature that is
    /// added later does not change the form of models without it.
    package var canonicalForm: String {
        get throws {
            let encoded = try JSONEncoder().encode(self)
            let value = try encoded.withUnsafeBytes { try StrictJSON.value(of: $0) }
            let features = Self.withoutNeutral(value) ?? .object([:])
            return "espalier-architecture \(Self.canonicalVersion) " + features.line
        }
    }

    private static func withoutNeutral(_ value: JSONValue) -> JSONValue? {
        switch value {
        case .null, .flag(false): return nil
        case .object(let object):
            let kept = object.compactMapValues(withoutNeutral)
            return kept.isEmpty ? nil : .object(kept)
        default: return value
        }
    }
}
