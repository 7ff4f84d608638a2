internal import CKernels

/// A reduce-scatter, which gives each rank one slice of the sums over ranks, and the all-gather of all slices.
///
/// A bucket is divided into units of `reductionUnit` elements, the last of which may be shorter. A slice is a range of units
/// and may be empty. One thread at a time calls it; all ranks make the same calls in the same order.
package protocol SlicedReduction: AnyObject {
    /// The slice of a rank in a bucket of `units` units, whose sums it receives.
    func slice(of rank: Int, units: Int) -> Range<Int>
    /// Replaces this rank's slice of `values` by its sums over ranks; the other elements become undefined.
    func reduceScatter(_ values: inout MutableSpan<Float>) throws
    /// Replaces every other rank's slice of `values` by that rank's values, bit by bit.
    func allGather<Element: BitwiseCopyable>(_ values: inout MutableSpan<Element>) throws
}

/// Elements of a unit, which is never divided between ranks: sums over a unit do not depend on its owner.
package let reductionUnit = 4096

extension SlicedReduction {
    /// The elements of the slice of a rank in a bucket of `count` elements.
    package func slice(of rank: Int, count: Int) -> Range<Int> {
        elements(of: slice(of: rank, units: unitCount(of: count)), count: count)
    }
}

/// The number of units that `elements` elements fill, the last one perhaps in part.
package func unitCount(of elements: Int) -> Int { (elements + reductionUnit - 1) / reductionUnit }

/// The elements of these units of a bucket of `count` elements.
func elements(of units: Range<Int>, count: Int) -> Range<Int> {
    min(units.lowerBound * reductionUnit, count)..<min(units.upperBound * reductionUnit, count)
}

/// Divides a range into `parts` ranges whose lengths differ by at most one.
func divided(_ range: Range<Int>, in parts: Int) -> [Range<Int>] {
    (0..<parts).map { part in
        let bounds = [part, part + 1].map { range.lowerBound + range.count * $0 / parts }
        return bounds[0]..<bounds[1]
    }
}

extension UnsafeMutableBufferPointer {
    /// The elements in `range`.
    func part(_ range: Range<Int>) -> UnsafeMutableBufferPointer<Element> {
        UnsafeMutableBufferPointer(rebasing: self[range])
    }
}

extension UnsafeMutableBufferPointer<Float> {
    /// Adds another buffer of the same length, element by element.
    func add(_ other: UnsafeMutableBufferPointer<Float>) {
        precondition(other.count == count, "buffers of the same length")
        guard count > 0 else { return }
        ek_add(other.baseAddress, baseAddress, count)
    }
}

/// A receive buffer that lives as long as its owner.
final class Scratch<Element: BitwiseCopyable> {
    let elements: UnsafeMutableBufferPointer<Element>

    init(count: Int, of element: Element) {
        elements = .allocate(capacity: count)
        elements.initialize(repeating: element)
    }

    deinit { elements.deallocate() }
}
