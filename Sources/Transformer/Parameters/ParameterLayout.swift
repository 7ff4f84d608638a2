/// The locations of some parameters in one flat buffer, in the order of their table.
package struct ParameterLayout: Sendable {
    /// A parameter with its location.
    package struct Tensor: Sendable {
        package let parameter: Parameter
        /// The first element in the flat buffer.
        package let offset: Int

        /// The name in the model's files.
        package var name: String { parameter.name }
        /// `[out, in]` for matrices, `[width]` for norms and biases.
        package var shape: [Int] { parameter.shape }
        /// The number of elements.
        package var count: Int { parameter.count }
        /// The elements in the flat buffer.
        package var range: Range<Int> { offset..<offset + count }
    }

    /// Every parameter, in flat order.
    package let tensors: [Tensor]
    /// The number of elements of the flat buffer.
    package let count: Int
    private let indices: [Module: [Parameter.Part: Int]]

    /// The layout of these parameters, one directly after the other.
    package init(_ parameters: [Parameter]) {
        var (tensors, offset) = ([Tensor](), 0)
        var indices: [Module: [Parameter.Part: Int]] = [:]
        for parameter in parameters {
            indices[parameter.module, default: [:]][parameter.part] = tensors.count
            tensors.append(Tensor(parameter: parameter, offset: offset))
            offset += parameter.count
        }
        (self.tensors, self.indices, count) = (tensors, indices, offset)
    }

    /// The tensors that are never stored in 16 bits alone: norms, biases, and an adapter's own.
    var vectors: [Tensor] { tensors.filter { !$0.parameter.kind.isMatrix } }

    /// The location of a module's weight or bias; nil if this layout has none.
    package func tensor(_ module: Module, _ part: Parameter.Part = .weight) -> Tensor? {
        indices[module]?[part].map { tensors[$0] }
    }

    /// The number of elements, from the start of the buffer, whose gradients are complete when only the first
    /// `layersLeft` layers and the embedding remain in the backward pass.
    package func gradientReadyCount(layersLeft: Int) -> Int {
        let next = tensors.first { tensor in
            tensor.parameter.module == .embedding || tensor.parameter.module.layer.map { $0 < layersLeft } == true
        }
        return next?.offset ?? count
    }
}
