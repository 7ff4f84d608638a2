internal import Transformer

/// The digest by which caches and checkpoints identify a model: the version of its form, then SHA-256 in hexadecimal.
package enum ModelDigest {
    /// The form of digests: those of another one cannot be compared.
    static let form = "architecture-\(Architecture.canonicalVersion)"
    /// The prefix of every digest.
    package static let version = "\(form):"

    /// The form of a stored digest, if it is another one.
    static func otherForm(of stored: String) -> String? {
        guard !stored.hasPrefix(version) else { return nil }
        let form = stored.prefix { $0 != ":" }
        return form.count < stored.count ? String(form) : "one without a form"
    }

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
