package import SystemPackage

/// A number is beyond the range of the type that it is to be rounded to.
package struct RoundingOverflow: Error, CustomStringConvertible {
    /// What was found where.
    package let description: String
}

/// How numbers are rounded to 16 bits.
package enum HalfRounding: Sendable, Equatable {
    /// To nearest, ties to even.
    case nearest
    /// Up or down by a threshold of each number's index, of which the first one is `from`; see `HalfMatrix.dither`.
    case dithered(from: Int)

    /// The same for the numbers after the first `count`.
    func dropping(_ count: Int) -> HalfRounding {
        guard case .dithered(let first) = self else { return self }
        return .dithered(from: first + count)
    }
}

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
    /// This float32 tensor in another type of weights, rounded once.
    ///
    /// Writing it throws `RoundingOverflow` for a number beyond the range of the type.
    ///
    /// - Parameters:
    ///   - type: F32, BF16 or F16.
    ///   - path: The file or directory that is written, which the error names.
    package func rounded(
        to type: ElementType,
        _ rounding: HalfRounding = .nearest,
        for path: FilePath
    ) -> SafetensorsEntry {
        precondition(elementType == .float32, "a float32 tensor")
        guard type != .float32 else { return self }
        return SafetensorsEntry(name: name, elementType: type, shape: shape) { body in
            try forEachRoundedPart(type, rounding) { values, numbers, odd in
                if let odd {
                    throw RoundingOverflow(
                        description: "\(path): tensor \(name): expected numbers within the range of "
                            + "\(type.configurationName), found \(values[odd])"
                    )
                }
                try body(UnsafeRawBufferPointer(numbers))
            }
        }
    }

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

    /// Rounds numbers in parts that fit the cache.
    ///
    /// - Parameter body: Receives the numbers of a part, rounded ones, and the index of the first one beyond the range.
    private func forEachRoundedPart(
        _ type: ElementType,
        _ rounding: HalfRounding,
        _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<UInt16>, _ odd: Int?) throws -> Void
    ) throws {
        var done = 0
        try withBytes { bytes in
            let (values, most) = (bytes.bindMemory(to: Float.self), 1 << 16)
            try withUnsafeTemporaryAllocation(of: UInt16.self, capacity: min(most, values.count)) { numbers in
                for start in stride(from: 0, to: values.count, by: most) {
                    let part = UnsafeBufferPointer(rebasing: values[start..<min(start + most, values.count)])
                    let result = UnsafeMutableBufferPointer(rebasing: numbers[..<part.count])
                    let odd = round(part, to: type, rounding.dropping(done), into: result)
                    try body(part, UnsafeBufferPointer(result), odd)
                    done += part.count
                }
            }
        }
    }
}
