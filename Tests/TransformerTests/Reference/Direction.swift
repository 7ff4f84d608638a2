internal import TestSupport
internal import Transformer

/// A unit vector in the space of one tensor's elements.
struct Direction: CustomStringConvertible {
    let tensor: ParameterLayout.Tensor
    private let name: String
    /// Elements of the flat buffer that are not 0.
    private let components: [(index: Int, value: Double)]

    var description: String { "\(tensor.name)[\(name)]" }

    /// Some single elements of a tensor, spread evenly, and one direction in all.
    static func directions(in tensor: ParameterLayout.Tensor, elements: Int) -> [Direction] {
        let count = min(tensor.count, elements)
        let single = (0..<count).map { sample in
            let element = tensor.count * sample / count
            return Direction(tensor: tensor, name: "\(element)", components: [(tensor.offset + element, 1)])
        }
        return single + [across(tensor)]
    }

    /// A direction in all elements of a tensor.
    static func across(_ tensor: ParameterLayout.Tensor) -> Direction {
        let values = tensor.range.map { noise(90_000 + $0) }
        let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let components = zip(tensor.range, values).map { (index: $0, value: $1 / length) }
        return Direction(tensor: tensor, name: "all", components: components)
    }

    /// The derivative in this direction, for a gradient in the flat buffer.
    func product(_ gradient: [Double]) -> Double { components.reduce(0) { $0 + gradient[$1.index] * $1.value } }

    /// The derivative of `loss` in this direction, as a central difference.
    func difference(of loss: ([Double]) -> Double, at weights: [Double]) -> Double {
        let step = 1e-5
        func moved(_ step: Double) -> [Double] {
            var moved = weights
            for (index, value) in components { moved[index] += step * value }
            return moved
        }
        return (loss(moved(step)) - loss(moved(-step))) / (2 * step)
    }
}
