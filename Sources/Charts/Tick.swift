internal import Foundation
internal import Reporting

/// A mark of an axis with its label.
package struct Tick: Sendable, Equatable {
    package let value: Double
    package let text: String

    package init(_ value: Double, _ text: String) {
        (self.value, self.text) = (value, text)
    }

    /// About `count` ticks at steps of 1, 2 or 5 times a power of ten.
    package static func linear(_ range: ClosedRange<Double>, count: Int = 6, unit: String = "") -> [Tick] {
        let rough = (range.upperBound - range.lowerBound) / Double(count)
        let power = pow(10, log10(rough).rounded(.down))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? rough
        let first = (range.lowerBound / step - 1e-9).rounded(.up)
        let last = (range.upperBound / step + 1e-9).rounded(.down)
        guard first <= last, last - first <= 4 * Double(count) else { return [] }
        // Adding 0 turns -0 into 0.
        let values = stride(from: first, through: last, by: 1).map { $0 * step + 0 }
        return labelled(values, step: step, unit: unit)
    }

    /// The whole numbers among linear ticks.
    package static func whole(_ range: ClosedRange<Double>, count: Int = 5) -> [Tick] {
        let ticks = linear(range, count: count)
        return ticks.allSatisfy { $0.value == $0.value.rounded() }
            ? ticks
            : linear(range, count: 1).filter {
                $0.value == $0.value.rounded()
            }
    }

    /// Ticks at powers of ten, at 1, 2 and 5 times these over few of them, every *n*th over many.
    package static func logarithmic(_ range: ClosedRange<Double>, unit: String = "") -> [Tick] {
        let (low, high) = (log10(range.lowerBound), log10(range.upperBound))
        let factors: [Double] = high - low > 3 ? [1] : high - low > 1.5 ? [1, 3] : [1, 2, 5]
        let every = max(1, ((high - low) / 6).rounded(.up))
        let exponents = stride(from: (low / every).rounded(.down) * every, through: high, by: every)
        let values = exponents.flatMap { exponent in factors.map { $0 * pow(10, exponent) } }.filter(range.contains)
        // Few decades at most: a linear axis has more suitable numbers.
        guard values.count > 2 else { return linear(range, unit: unit) }
        return values.map { Tick($0, label($0, step: $0, largest: $0) + unit) }
    }

    /// The powers of two in a range, every other one if there are many.
    package static func powersOfTwo(_ range: ClosedRange<Double>) -> [Tick] {
        let all = (-8...20).map { Double(sign: .plus, exponent: $0, significand: 1) }.filter(range.contains)
        let kept = all.count > 7 ? all.enumerated().filter { $0.offset % 2 == 0 }.map(\.element) : all
        return kept.map { Tick($0, rounded($0, $0 < 1 ? 2 : 0)) }
    }

    private static func labelled(_ values: [Double], step: Double, unit: String) -> [Tick] {
        let largest = values.map { abs($0) }.max() ?? 0
        return values.map { Tick($0, label($0, step: step, largest: largest) + unit) }
    }

    /// A number with as many digits as a step has, in thousands or as a power of ten if the largest one asks for that.
    private static func label(_ value: Double, step: Double, largest: Double) -> String {
        func text(_ divisor: Double, _ suffix: String) -> String {
            let decimals = max(0, -Int((log10(step / divisor) + 1e-9).rounded(.down)))
            let digits = rounded(abs(value) / divisor, min(decimals, 9))
            return (value < 0 ? "−" : "") + digits + (value == 0 ? "" : suffix)
        }
        switch largest {
        case 1e9..., ..<1e-3:
            let exponent = largest > 0 ? log10(largest).rounded(.down) : 0
            return text(pow(10, exponent), "e\(Int(exponent))")
        case 1e6...: return text(1e6, "M")
        case 1e4...: return text(1e3, "k")
        default: return text(1, "")
        }
    }
}
