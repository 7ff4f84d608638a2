package import Compute

/// The addition of a branch, attention or feed-forward, to the residual stream: `x + s · n(branch)`.
///
/// Without norm and scale, the branch's last product adds to the stream directly.
package struct Residual: Sendable {
    /// The norm of the branch; nil for none.
    package let norm: Norm?
    /// `s`; nil for 1.
    package let scale: Float?

    /// An addition with this norm and scale.
    package init(norm: Norm?, scale: Float?) { (self.norm, self.scale) = (norm, scale) }

    /// Whether the branch is added as its last product computes it.
    package var isDirect: Bool { norm == nil && scale == nil }

    /// Adds the branch of a block of tokens to `stream`.
    ///
    /// - Parameters:
    ///   - kept: `[T, D]`, the branch, kept for the backward pass if it is normalized.
    ///   - scratch: `[block, D]`, overwritten unless the branch is added directly.
    ///   - stream: `[B, D]`, added to.
    ///   - compute: Writes the branch to a matrix, or adds it.
    package func forward(
        kept: Matrix,
        _ block: Range<Int>,
        scratch: Matrix,
        into stream: Matrix,
        compute: (_ target: Matrix, _ accumulate: Bool) -> Void
    ) {
        guard !isDirect else { return compute(stream, true) }
        let result = scratch.rows(0..<block.count)
        if let norm {
            let branch = kept.rows(block)
            compute(branch, false)
            norm.forward(branch, into: result)
        } else {
            compute(result, false)
        }
        stream.add(result, scaledBy: scale ?? 1)
    }

    /// The gradient of the branch of a block of tokens.
    ///
    /// - Parameters:
    ///   - kept: `[T, D]`, of `forward`.
    ///   - dstream: `[B, D]`, the gradient of the stream.
    ///   - dbranch: `[T, D]`, overwritten at the block unless the branch is added directly.
    ///   - dparameters: Of the calling thread, those of the norm, added to.
    /// - Returns: `[B, D]`, the rows of `dbranch`, or `dstream`.
    package func backward(
        kept: Matrix,
        _ block: Range<Int>,
        dstream: Matrix,
        into dbranch: Matrix,
        dparameters: Matrix
    ) -> Matrix {
        guard !isDirect else { return dstream }
        let result = dbranch.rows(block)
        if let scale {
            result.copy(from: dstream)
            result.scale(by: scale)
        }
        if let norm {
            let dy = scale == nil ? dstream : result
            norm.backward(kept.rows(block), dy: dy, residual: nil, into: result, dparameters: dparameters)
        }
        return result
    }
}
