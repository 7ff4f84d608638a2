internal import CKernels

/// Elementwise kernels over matrices; each runs on the calling thread only.
package enum Kernels {
    /// Replaces every element with `erf(x)`, to 1.2 ulp; GELU is computed from it.
    package static func erf(_ x: Matrix) {
        recorded(.swiglu, elements: 2 * x.rows * x.columns) {
            ek_error_function(x.base, x.stride, x.rows, x.columns)
        }
    }
}
