internal import CKernels

/// Elementwise kernels over matrices; each runs on the calling thread only.
package enum Kernels {
    /// Caps every element: `x = cap * tanh(x / cap)`, in place (Gemma 2's logits).
    ///
    /// - Parameter cap: Positive.
    package static func cap(_ x: Matrix, at cap: Float) {
        precondition(cap > 0, "a positive cap")
        recorded(.logits, elements: 2 * x.rows * x.columns) {
            ek_cap(x.base, x.stride, x.rows, x.columns, cap)
        }
    }

    /// The derivative of `cap` by its input, given the result: `1 - (capped / cap)^2`.
    package static func capSlope(_ capped: Float, at cap: Float) -> Float {
        1 - (capped / cap) * (capped / cap)
    }

    /// Replaces every element with `erf(x)`, to 1.2 ulp; GELU is computed from it.
    package static func erf(_ x: Matrix) {
        recorded(.swiglu, elements: 2 * x.rows * x.columns) {
            ek_error_function(x.base, x.stride, x.rows, x.columns)
        }
    }
}
