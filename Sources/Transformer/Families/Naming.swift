/// How the names of a family's tensors are spelled in a model's files, where versions of `transformers` differ.
package struct Naming: Sendable {
    /// Prefixes of the family's names, each with its spelling in the files.
    private let prefixes: [(of: String, spelling: String)]

    /// The family's own names.
    package static let plain = Naming([])

    /// Names without the prefix of all modules but the head, as saved from a model without a head (`AutoModel`).
    static func withoutPrefix(_ prefix: String) -> Naming { Naming([(of: prefix, spelling: "")]) }

    /// Names in which these prefixes are spelled differently.
    init(_ prefixes: [(of: String, spelling: String)]) { self.prefixes = prefixes }

    /// The name of a module in the files of a model of this family, without `.weight` or `.bias`.
    func name(of module: Module, in family: any Family.Type) -> String {
        let name = family.name(of: module)
        guard let prefix = prefixes.first(where: { name.hasPrefix($0.of) }) else { return name }
        return prefix.spelling + name.dropFirst(prefix.of.count)
    }
}
