internal import CKernels

/// A sum over ranks of which each rank receives a slice, and the way back, by which all receive every slice.
///
/// A bucket is divided in units of `reductionUnit` elements, the last of which may be shorter, and a slice is a run of
/// units, also of none. One thread at a time calls it; all ranks make the same calls in the same order.
package protocol SlicedReduction: AnyObject {
    /// The units of a bucket of `units` that a rank receives the sums of.
    func slice(of rank: Int, units: Int) -> Range<Int>
    /// Replaces this rank's slice of `values` by its sums over ranks; what is left of the rest has no meaning.
    func reduceScatter(_ values: inout MutableSpan<Float>) throws
    /// Replaces every other rank's slice of `values` by what that rank has there.
    func allGather(_ values: inout MutableSpan<Float>) throws
}

/// Elements that are never divided between ranks: sums over a unit are the same wherever it lies.
package let reductionUnit = 4096

extension SlicedReduction {
    /// The elements of a bucket of `count` that a rank receives the sums of.
    package func slice(of rank: Int, count: Int) -> Range<Int> {
        elements(of: slice(of: rank, units: unitCount(of: count)), count: count)
    }
}

/// The units of so many elements.
package func unitCount(of elements: Int) -> Int { (elements + reductionUnit - 1) / reductionUnit }

/// The elements of these units of a bucket of `count` elements.
func elements(of units: Range<Int>, count: Int) -> Range<Int> {
    min(units.lowerBound * reductionUnit, count)..<min(units.upperBound * reductionUnit, count)
}

/// A range in `parts` runs that differ by at most one in length.
func divided(_ range: Range<Int>, in parts: Int) -> [Range<Int>] {
    (0..<parts).map { part in
        let bounds = [part, part + 1].map { range.lowerBound + range.count * $0 / parts }
        return bounds[0]..<bounds[1]
    }
}

extension UnsafeMutableBufferPointer<Float> {
    /// The elements of `range` alone.
    func part(_ range: Range<Int>) -> UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(rebasing: self[range])
    }

    /// Adds as many other elements.
    func add(_ other: UnsafeMutableBufferPointer<Float>) {
        precondition(other.count == count, "as many elements")
        guard count > 0 else { return }
        ek_add(other.baseAddress, baseAddress, count)
    }
}

/// Memory for what arrives, for as long as its owner lives.
final class Scratch<Element: BitwiseCopyable> {
    let elements: UnsafeMutableBufferPointer<Element>

    init(count: Int, of element: Element) {
        elements = .allocate(capacity: count)
        elements.initialize(repeating: element)
    }

    deinit { elements.deallocate() }
}
