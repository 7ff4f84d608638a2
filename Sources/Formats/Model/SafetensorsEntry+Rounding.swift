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

    /// Rounds numbers in parts that fit the cache.
    ///
    /// - Parameter body: Receives the numbers of a part, rounded ones, and the index of the first one beyond the range.
    func forEachRoundedPart(
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
