internal import Transformer

/// The digest that caches and checkpoints know a model by: the version of its form, then SHA-256 in hexadecimal.
package enum ModelDigest {
    /// What every digest begins with: digests of another version cannot be compared.
    package static let version = "architecture-\(Architecture.canonicalVersion):"

    /// Why a stored digest is not this model's; nil if it is.
    ///
    /// - Parameter otherModel: What to call a model that differs.
    static func difference(of stored: String?, from own: String, otherModel: String) -> String? {
        guard stored != own else { return nil }
        guard let stored, stored.hasPrefix(version) else {
            return "a model digest of another version of espalier, which cannot be compared"
        }
        return otherModel
    }
}
