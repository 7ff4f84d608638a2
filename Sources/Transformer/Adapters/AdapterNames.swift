internal import Formats

/// The names of modules and tensors that PEFT writes for a family: those of its modules in memory.
package struct AdapterNames: Sendable {
    /// What precedes the name of every module.
    package static let prefix = "base_model.model."
    /// The files of an adapter's directory.
    package static let configurationFile = WeightFiles.adapterConfiguration
    package static let weightsFile = WeightFiles.adapter

    private let family: any Family.Type
    private let naming: Naming

    /// The names that PEFT 0.21 writes with transformers 5.
    package init(_ family: any Family.Type) { self.init(family, family.memoryNaming) }

    init(_ family: any Family.Type, _ naming: Naming) { (self.family, self.naming) = (family, naming) }

    /// The names of every version of transformers, the present ones first.
    static func spellings(of family: any Family.Type) -> [AdapterNames] {
        [AdapterNames(family)] + family.namings.map { AdapterNames(family, $0) }
    }

    /// The name of a module, such as `model.layers.0.self_attn.q_proj`.
    package func name(of module: Module) -> String { naming.name(of: module, in: family) }

    /// The name of a tensor in `adapter_model.safetensors`, such as
    /// `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight`.
    package func tensorName(of module: Module, _ part: Parameter.Part) -> String {
        // A copy takes the place of the matrix.
        "\(Self.prefix)\(name(of: module)).\(part == .copy ? Parameter.Part.weight.rawValue : part.rawValue)"
    }

    /// The last part of a module's name, such as `q_proj`.
    func lastName(of module: Module) -> String {
        String(name(of: module).split(separator: ".").last ?? "")
    }
}
