package import Formats
internal import Foundation
package import SystemPackage

/// A tensor of an adapter, with its name in files.
package struct AdapterTensor: Sendable, Equatable {
    package let module: Module
    package let part: Parameter.Part
    /// `[r, in]` of `A`, `[out, r]` of `B`, `[out]` of norms, `[V, D]` of copies.
    package let shape: [Int]
    /// The name in `adapter_model.safetensors`.
    package let name: String
}

extension Adapter {
    /// The tensors that PEFT writes for this adapter of a model, in the order of the model.
    ///
    /// A copy of an embedding that is also the head is written under both names.
    package func tensors(of model: ModelDescription) -> [AdapterTensor] {
        tensors(of: model, AdapterNames(model.family))
    }

    func tensors(of model: ModelDescription, _ names: AdapterNames) -> [AdapterTensor] {
        let all = ModelModules(model.architecture, names, modelType: model.family.modelType)
        func tensor(_ module: Module, _ part: Parameter.Part, _ shape: [Int]) -> AdapterTensor {
            AdapterTensor(module: module, part: part, shape: shape, name: names.tensorName(of: module, part))
        }
        let tied: Set<Module> =
            model.architecture.tiesEmbeddings && copiedModules.contains(.embedding) ? [.head] : []
        let copies = all.vocabulary.filter { copiedModules.union(tied).contains($0.module) }
            .map { tensor($0.module, .copy, $0.shape) }
        return copies
            + all.linear.flatMap { linear -> [AdapterTensor] in
                guard let rank = modules[linear.module]?.rank else { return [] }
                let (outputs, inputs) = (linear.shape[0], linear.shape[1])
                let matrices = [
                    tensor(linear.module, .loraA, [rank, inputs]), tensor(linear.module, .loraB, [outputs, rank]),
                ]
                return hasMagnitudes ? matrices + [tensor(linear.module, .loraMagnitude, [outputs])] : matrices
            }
    }
}

/// The weights of an adapter's directory, checked against the adapter and the model.
package struct AdapterWeights: Sendable {
    private let file: SafetensorsFile
    /// The tensors of the file; that of a tied head is a duplicate of the embedding's.
    package let tensors: [AdapterTensor]

    /// Opens `adapter_model.safetensors`, and checks that it holds the adapter's tensors and shapes, and no other.
    ///
    /// The names may be those of any version of transformers.
    ///
    /// - Parameter base: `base_model_name_or_path`, which errors state; nil if it is unknown.
    /// - Throws: `FormatError` that names the first tensor that is missing, left over, or of another shape.
    package init(directory: FilePath, _ adapter: Adapter, of model: ModelDescription, base: String? = nil) throws {
        file = try Self.open(directory)
        let stored = file.tensors
        let spellings = AdapterNames.spellings(of: model.family).map { adapter.tensors(of: model, $0) }
        let counts = spellings.map { tensors in tensors.count { stored[$0.name] != nil } }
        tensors = spellings[counts.indices.max { counts[$0] < counts[$1] } ?? 0]
        try check(model, base)
        try checkTied(model)
    }

    /// The name in the file of a tensor of the adapter.
    package func name(of module: Module, _ part: Parameter.Part) -> String? {
        tensors.first { $0.module == module && $0.part == part }?.name
    }

    /// Reads a tensor as float32, and checks that its values are finite.
    package func read(_ tensor: AdapterTensor, into values: inout MutableSpan<Float>) throws {
        try file.readFinite(tensor.name, shape: tensor.shape, into: &values)
    }

    /// The file.
    package var path: FilePath { file.path }

    /// The element type of a tensor of this adapter.
    package func elementType(of tensor: AdapterTensor) throws -> ElementType { try file.info(tensor.name).elementType }
}

extension AdapterWeights {
    private static func open(_ directory: FilePath) throws -> SafetensorsFile {
        let path = directory.appending(AdapterNames.weightsFile)
        let pickle = directory.appending("adapter_model.bin")
        func exists(_ path: FilePath) -> Bool { FileManager.default.fileExists(atPath: path.string) }
        if !exists(path), exists(pickle) {
            throw FormatError(
                directory,
                "expected adapter_model.safetensors, found adapter_model.bin; load the adapter with PEFT and save it "
                    + "again with save_pretrained"
            )
        }
        return try SafetensorsFile(path, .adapter)
    }

    private func check(_ model: ModelDescription, _ base: String?) throws {
        let known = Set(tensors.map(\.name))
        let others = file.tensors.keys.filter { !known.contains($0) }.sorted()
        let missing = tensors.filter { file.tensors[$0.name] == nil }
        let another =
            "the adapter may belong to another base" + (base.map { " (its base_model_name_or_path is \($0))" } ?? "")
        if let first = others.first {
            throw FormatError(
                path,
                "holds tensor \(first)\(more(others.count)), \(reason(first, known, model, another))"
            )
        }
        if let first = missing.first {
            throw FormatError(
                path,
                "has no tensor \(first.name) of shape \(first.shape)\(more(missing.count)), which adapter_config.json "
                    + "describes; \(another)"
            )
        }
        for tensor in tensors {
            let found = try file.info(tensor.name).shape
            guard found != tensor.shape else { continue }
            throw FormatError(
                path,
                "tensor \(tensor.name): expected shape \(tensor.shape), as adapter_config.json and the "
                    + "model say, found "
                    + "\(found); \(another)"
            )
        }
        for tensor in tensors { try file.check(tensor.name, shape: tensor.shape) }
    }

    private func more(_ count: Int) -> String { count > 1 ? " and \(count - 1) more" : "" }

    /// Why a tensor is not part of the adapter, with the remedy.
    private func reason(_ name: String, _ known: Set<String>, _ model: ModelDescription, _ another: String) -> String {
        let module = name.hasPrefix(AdapterNames.prefix) ? String(name.dropFirst(AdapterNames.prefix.count)) : name
        if model.family.isPassedThrough(module) {
            return "of the model of images, which is not supported; adapt the text model only, for example with "
                + "target_modules = .*language_model.*_proj"
        }
        for names in AdapterNames.spellings(of: model.family) {
            for part in [Module.embedding, .head] where names.tensorName(of: part, .copy) == name {
                return
                    "which adapter_config.json does not list; add \(names.lastName(of: part)) to "
                    + "modules_to_save if the "
                    + "adapter replaces it"
            }
        }
        let nearest = nearest(to: name, among: known.sorted()).map { "; the nearest is \($0)" } ?? ""
        return "which adapter_config.json does not describe\(nearest); \(another)"
    }

    /// Refuses copies of the same matrix that differ.
    private func checkTied(_ model: ModelDescription) throws {
        let copies = tensors.filter { $0.part == .copy }
        guard model.architecture.tiesEmbeddings, copies.count == 2 else { return }
        guard try !file.areIdentical(copies[0].name, copies[1].name) else { return }
        throw FormatError(
            path,
            "tensor \(copies[1].name) differs from \(copies[0].name), although the model ties head and embedding, and "
                + "adapter_config.json has ensure_weight_tying; merge the adapter with PEFT (merge_and_unload)"
        )
    }
}
