internal import Compute
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Transformer

/// The weights of a golden's model, and of an adapter of it, which alone is then trained.
final class GoldenWeights {
    /// How weights under an adapter are stored.
    enum Storage: Sendable {
        case float32
        case half(HalfType)
        /// In float32, with the values of a 16-bit type.
        case rounded(HalfType)
    }

    let description: ModelDescription
    let adapter: Adapter?
    let trained: ParameterBuffer
    /// The weights under an adapter; nil without one.
    let frozen: ParameterBuffer?
    private let gains: ParameterBuffer?

    /// The trained weights of a golden's model.
    init(_ golden: Golden) throws {
        description = try ModelDescription(directory: golden.directory)
        let (files, table) = (try ModelWeights(directory: golden.directory), description.parameters)
        try table.check(files)
        trained = try ParameterBuffer(table.trained)
        try table.read(files, into: trained)
        (adapter, frozen, gains) = (nil, nil, nil)
    }

    /// The weights of a golden's model with an adapter.
    init(_ golden: AdapterGolden, _ storage: Storage = .float32) throws {
        description = try ModelDescription(directory: golden.base.directory)
        let adapter = try AdapterConfiguration(directory: golden.directory).resolve(in: description)
        let names = AdapterNames(description.family)
        let table = description.parameters.adapted(by: adapter, of: description.architecture) { module, part in
            names.tensorName(of: module, part)
        }
        trained = try ParameterBuffer(table.trained)
        let stored = try AdapterWeights(directory: golden.directory, adapter, of: description)
        for tensor in table.trained.tensors {
            let source = stored.tensors.first {
                $0.module == tensor.parameter.module && $0.part == tensor.parameter.part
            }
            guard let source else { preconditionFailure("\(tensor.name) is a tensor of the adapter") }
            try trained.elements(of: tensor).withMutableSpan { try stored.read(source, into: &$0) }
        }
        let files = try ModelWeights(directory: golden.base.directory)
        frozen = try Self.read(files, description.parameters, table.frozen, storage)
        gains = try ParameterBuffer(adapter.gains(of: description.architecture))
        self.adapter = adapter
    }

    private static func read(
        _ files: ModelWeights,
        _ table: ParameterTable,
        _ layout: ParameterLayout,
        _ storage: Storage
    ) throws -> ParameterBuffer {
        switch storage {
        case .float32, .half:
            var type: HalfType?
            if case .half(let stored) = storage { type = stored }
            let weights = try ParameterBuffer(layout, matrixType: type)
            try table.read(files, into: weights)
            return weights
        case .rounded(let type):
            let (half, weights) = (try read(files, table, layout, .half(type)), try ParameterBuffer(layout))
            for tensor in layout.tensors { weights.elements(of: tensor).copy(from: half.stored(tensor)) }
            return weights
        }
    }

    /// Whether weights are stored in 16 bits.
    var isHalf: Bool { frozen?.matrixType != nil }

    /// The model's operations, with the adapter or as the model is without it.
    func parameters(
        isAdapted: Bool = true,
        gradients: ParameterBuffer? = nil,
        products: Products = .float32
    ) -> ModelParameters {
        ModelParameters(
            description.architecture,
            weights: [trained, frozen, gains].compactMap(\.self),
            gradients: gradients,
            adapter: isAdapted ? adapter : nil,
            products: products
        )
    }

    /// The tensors of the model with the adapter merged, by their names in `model.safetensors`.
    func merged() throws -> [String: [Float]] {
        guard let adapter, let frozen else { preconditionFailure("an adapter") }
        let merge = AdapterMerge(adapter, weights: trained, base: [frozen])
        return try description.parameters.parameters.reduce(into: [:]) { merged, parameter in
            let result = try TestMatrix(1, parameter.count)
            merge.merge(parameter, into: result.view)
            merged[parameter.name] = result.view.elements()
        }
    }
}
