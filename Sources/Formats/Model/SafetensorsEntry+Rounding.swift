package import SystemPackage

/// A number is beyond the range of the type that it is to be rounded to.
package struct RoundingOverflow: Error, CustomStringConvertible {
    /// What was found where.
    package let description: String
}

extension SafetensorsEntry {
    /// This float32 tensor in another type of weights, rounded once to nearest, ties to even.
    ///
    /// Writing it throws `RoundingOverflow` for a number beyond the range of the type.
    ///
    /// - Parameters:
    ///   - type: F32, BF16 or F16.
    ///   - path: The file or directory that is written, which the error names.
    package func rounded(to type: ElementType, for path: FilePath) -> SafetensorsEntry {
        precondition(elementType == .float32, "a float32 tensor")
        guard type != .float32 else { return self }
        let (name, withBytes) = (name, withBytes)
        return SafetensorsEntry(name: name, elementType: type, shape: shape) { body in
            try withBytes { bytes in
                try forEachRoundedPart(of: bytes.bindMemory(to: Float.self), type, body) { value in
                    RoundingOverflow(
                        description: "\(path): tensor \(name): expected numbers within the range of "
                            + "\(type.configurationName), found \(value)"
                    )
                }
            }
        }
    }
}

/// Rounds numbers in parts that fit the cache, and passes the bytes of each to `body`.
private func forEachRoundedPart(
    of values: UnsafeBufferPointer<Float>,
    _ type: ElementType,
    _ body: (UnsafeRawBufferPointer) throws -> Void,
    refusal: (Float) -> RoundingOverflow
) throws {
    let most = 1 << 16
    try withUnsafeTemporaryAllocation(of: UInt16.self, capacity: min(most, values.count)) { numbers in
        for start in stride(from: 0, to: values.count, by: most) {
            let part = UnsafeBufferPointer(rebasing: values[start..<min(start + most, values.count)])
            let result = UnsafeMutableBufferPointer(rebasing: numbers[..<part.count])
            if let index = round(part, to: type, into: result) { throw refusal(part[index]) }
            try body(UnsafeRawBufferPointer(result))
        }
    }
}
