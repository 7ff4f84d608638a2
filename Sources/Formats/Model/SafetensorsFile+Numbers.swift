internal import CKernels

/// Reading numbers of F32, BF16 or F16.
extension SafetensorsFile {
    /// The elements that are converted at a time, which fit the cache.
    private static let partCount = 1 << 14

    /// Reads a tensor of F32, BF16 or F16 as float32.
    ///
    /// - Parameters:
    ///   - shape: The required shape.
    ///   - values: One for each element of the shape, overwritten.
    package func read(_ name: String, shape: [Int], into values: inout MutableSpan<Float>) throws {
        try values.withUnsafeMutableBufferPointer { values in
            try forEachPart(of: name, shape: shape, count: values.count) { range, bytes, type in
                convert(bytes, type, into: UnsafeMutableBufferPointer(rebasing: values[range]))
            }
        }
    }

    /// Reads a tensor as `read` does, and checks that its values are finite.
    ///
    /// - Throws: `FormatError` that names the tensor and the position of the first infinite value or NaN.
    package func readFinite(_ name: String, shape: [Int], into values: inout MutableSpan<Float>) throws {
        try values.withUnsafeMutableBufferPointer { values in
            try forEachPart(of: name, shape: shape, count: values.count) { range, bytes, type in
                let part = UnsafeMutableBufferPointer(rebasing: values[range])
                convert(bytes, type, into: part)
                try requireFinite(part, from: range.lowerBound, name, shape)
            }
        }
    }

    /// Reads a tensor of F32, BF16 or F16 as numbers of 16 bits, and checks that its values are finite.
    ///
    /// A tensor of that type is copied, another one rounded to nearest, ties to even.
    ///
    /// - Parameters:
    ///   - type: BF16 or F16.
    ///   - values: The bits of one number for each element of the shape, overwritten.
    /// - Throws: `FormatError` that names the tensor and the position of the first infinite value, NaN, or value beyond
    ///   the range of the type.
    package func readFinite(
        _ name: String,
        shape: [Int],
        as type: ElementType,
        into values: inout MutableSpan<UInt16>
    ) throws {
        var floats = [Float](repeating: 0, count: Self.partCount)
        try values.withUnsafeMutableBufferPointer { values in
            try forEachPart(of: name, shape: shape, count: values.count) { range, bytes, stored in
                let part = UnsafeMutableBufferPointer(rebasing: values[range])
                try floats.withUnsafeMutableBufferPointer { floats in
                    let floats = UnsafeMutableBufferPointer(rebasing: floats[..<range.count])
                    convert(bytes, stored, into: floats)
                    try requireFinite(floats, from: range.lowerBound, name, shape)
                    if stored == type {
                        UnsafeMutableRawBufferPointer(part).copyMemory(from: bytes)
                    } else if let index = round(UnsafeBufferPointer(floats), to: type, into: part) {
                        let place = position(of: range.lowerBound + index, in: shape)
                        let expected = "numbers within the range of \(type.configurationName)"
                        throw FormatError(
                            path,
                            "tensor \(name): expected \(expected), found \(floats[index]) at \(place); use float32"
                        )
                    }
                }
            }
        }
    }

    private func requireFinite(
        _ part: UnsafeMutableBufferPointer<Float>,
        from start: Int,
        _ name: String,
        _ shape: [Int]
    ) throws {
        guard hasNonFinite(part), let index = part.firstIndex(where: { !$0.isFinite }) else { return }
        let found = part[index].isNaN ? "nan" : "\(part[index])"
        let place = position(of: start + index, in: shape)
        let remedy =
            content == .checkpoint
            ? content.remedy : "restore the file from its source, or use an earlier checkpoint if its training diverged"
        throw FormatError(path, "tensor \(name): expected finite numbers, found \(found) at \(place); \(remedy)")
    }

    /// Passes a tensor's bytes to `body` in parts, with the indices of their elements.
    private func forEachPart(
        of name: String,
        shape: [Int],
        count: Int,
        _ body: (Range<Int>, UnsafeRawBufferPointer, ElementType) throws -> Void
    ) throws {
        try check(name, shape: shape)
        let info = try info(name)
        precondition(count == info.elementCount, "one value for each element of the tensor")
        try withBytes(info) { bytes in
            for start in stride(from: 0, to: count, by: Self.partCount) {
                let range = start..<min(start + Self.partCount, count)
                let size = info.elementType.byteCount
                let part = UnsafeRawBufferPointer(rebasing: bytes[size * start..<size * range.upperBound])
                try body(range, part, info.elementType)
            }
        }
    }
}

/// Converts elements of F32, BF16 or F16 to float32.
private func convert(
    _ bytes: UnsafeRawBufferPointer,
    _ type: ElementType,
    into values: UnsafeMutableBufferPointer<Float>
) {
    guard type != .float32 else { return UnsafeMutableRawBufferPointer(values).copyMemory(from: bytes) }
    precondition([.bfloat16, .float16].contains(type), "the type is checked")
    let widen = type == .bfloat16 ? ek_widen_bfloat16 : ek_widen_float16
    // A file may place numbers at odd bytes: they are copied to aligned memory.
    withUnsafeTemporaryAllocation(of: UInt16.self, capacity: values.count) { numbers in
        UnsafeMutableRawBufferPointer(numbers).copyMemory(from: bytes)
        guard let numbers = numbers.baseAddress, let values = values.baseAddress else { return }
        widen(numbers, 0, values, 0, 1, bytes.count / type.byteCount)
    }
}

/// Rounds float32 to BF16 or F16, to nearest, ties to even.
///
/// - Returns: The index of the first result that is infinite or NaN; nil if there is none.
func round(
    _ values: UnsafeBufferPointer<Float>,
    to type: ElementType,
    _ rounding: HalfRounding = .nearest,
    into result: UnsafeMutableBufferPointer<UInt16>
) -> Int? {
    precondition(values.count == result.count, "one number for each")
    guard let start = values.baseAddress, let numbers = result.baseAddress else { return nil }
    switch (type, rounding) {
    case (.bfloat16, .nearest): ek_round_bfloat16(start, numbers, values.count)
    case (.float16, .nearest): _ = ek_round_float16(start, numbers, values.count)
    case (.bfloat16, .dithered(let first)): ek_dither_bfloat16(start, numbers, values.count, first)
    case (.float16, .dithered(let first)): ek_dither_float16(start, numbers, values.count, first)
    default: preconditionFailure("a type of 16 bits")
    }
    let exponent: UInt16 = type == .bfloat16 ? 0x7F80 : 0x7C00
    var isInfinite = false
    for number in result { isInfinite = isInfinite || number & exponent == exponent }
    return isInfinite ? result.firstIndex { $0 & exponent == exponent } : nil
}

/// Whether any value is infinite or NaN.
///
/// Their exponents consist of ones, so that adding one to it carries into the sign. Without branches: vectorized.
private func hasNonFinite(_ values: UnsafeMutableBufferPointer<Float>) -> Bool {
    var carries: UInt32 = 0
    for value in values { carries |= (value.bitPattern & 0x7FFF_FFFF) &+ 0x0080_0000 }
    return carries >> 31 != 0
}

/// The indices of an element of a tensor.
private func position(of index: Int, in shape: [Int]) -> [Int] {
    var (rest, indices) = (index, [Int]())
    for size in shape.reversed() {
        indices.insert(rest % size, at: 0)
        rest /= size
    }
    return indices
}
