/// How much of a change `w - w₀` remains if numbers are rounded: `Σ (r(w) - r(w₀))(w - w₀)` of `Σ (w - w₀)²`.
package struct RoundedChange: Sendable {
    package private(set) var kept = 0.0
    package private(set) var whole = 0.0

    package init() {}

    /// 1 if nothing has changed.
    package var share: Double { whole > 0 ? kept / whole : 1 }

    package static func + (a: RoundedChange, b: RoundedChange) -> RoundedChange {
        var sum = a
        (sum.kept, sum.whole) = (a.kept + b.kept, a.whole + b.whole)
        return sum
    }

    mutating func add(_ value: Float, rounded: Float, start: Float, roundedStart: Float) {
        let change = Double(value) - Double(start)
        kept += (Double(rounded) - Double(roundedStart)) * change
        whole += change * change
    }
}

extension SafetensorsEntry {
    /// How much of the change of this float32 tensor from `start` remains if it is rounded to nearest.
    package func change(from start: UnsafeBufferPointer<Float>, roundedTo type: ElementType) throws -> RoundedChange {
        func widened(_ number: UInt16) -> Float {
            type == .bfloat16 ? Float(bitPattern: UInt32(number) << 16) : Float(Float16(bitPattern: number))
        }
        var (change, done) = (RoundedChange(), 0)
        try forEachRoundedPart(type, .nearest) { values, numbers, _ in
            let before = UnsafeBufferPointer(rebasing: start[done..<done + values.count])
            withUnsafeTemporaryAllocation(of: UInt16.self, capacity: values.count) { roundedBefore in
                _ = round(before, to: type, into: roundedBefore)
                for index in values.indices {
                    change.add(
                        values[index],
                        rounded: widened(numbers[index]),
                        start: before[index],
                        roundedStart: widened(roundedBefore[index])
                    )
                }
            }
            done += values.count
        }
        return change
    }
}
