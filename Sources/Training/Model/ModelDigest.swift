internal import Transformer

/// The digest by which caches and checkpoints identify a model: the version of its form, then SHA-256 in hexadecimal.
package enum ModelDigest {
    /// The prefix of every digest: digests of another version cannot be compared.
    package static let version = "architecture-\(Architecture.canonicalVersion):"

    /// The reason why a stored digest is not this model's; nil if it is.
    ///
    /// - Parameter otherModel: The description of a different model in the message.
    static func difference(of stored: String?, from own: String, otherModel: String) -> String? {
        guard stored != own else { return nil }
        guard let stored, stored.hasPrefix(version) else {
            return "a model digest of another version of espalier, which cannot be compared"
        }
        return otherModel
    }
}
