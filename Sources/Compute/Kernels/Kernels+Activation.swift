internal import CKernels

/// The nonlinear function of a feed-forward.
package enum Activation: String, Sendable, Equatable, Encodable, CaseIterable {
    /// `x / (1 + exp(-x))`.
    case silu
    /// `x (1 + erf(x / √2)) / 2` (Hendrycks & Gimpel 2016).
    case gelu
    /// `x (1 + tanh(√(2 / π) (x + 0.044715 x³))) / 2`, the approximation of `gelu`.
    case geluTanh

    fileprivate var kernel: ek_activation {
        switch self {
        case .silu: EK_SILU
        case .gelu: EK_GELU
        case .geluTanh: EK_GELU_TANH
        }
    }
}

extension Kernels {
    /// Computes the gated activation `out = activation(gate) * up` (Shazeer 2020; with SiLU, SwiGLU).
    ///
    /// - Parameters:
    ///   - gateUp: `[T, 2F]`, gate first.
    ///   - out: `[T, F]`, overwritten; does not overlap `gateUp`.
    package static func gate(_ gateUp: Matrix, _ activation: Activation, into out: Matrix) {
        precondition(gateUp.columns == 2 * out.columns && gateUp.rows == out.rows, "gateUp is [T, 2F], out is [T, F]")
        recorded(.swiglu, elements: 3 * out.rows * out.columns) {
            ek_gate_forward(
                activation.kernel,
                gateUp.base,
                gateUp.stride,
                out.base,
                out.stride,
                out.rows,
                out.columns
            )
        }
    }

    /// Replaces `gateUp` `[T, 2F]` with its gradient, given `dout` `[T, F]`, which does not overlap it.
    package static func gateBackward(_ gateUp: Matrix, _ activation: Activation, dout: Matrix) {
        precondition(gateUp.columns == 2 * dout.columns && gateUp.rows == dout.rows, "gateUp is [T, 2F], dout [T, F]")
        recorded(.swiglu, elements: 5 * dout.rows * dout.columns) {
            ek_gate_backward(
                activation.kernel,
                gateUp.base,
                gateUp.stride,
                dout.base,
                dout.stride,
                dout.rows,
                dout.columns
            )
        }
    }

    /// Computes `out = activation(x)`, for a feed-forward without a gate.
    ///
    /// - Parameters:
    ///   - x: `[T, F]`.
    ///   - out: `[T, F]`, overwritten; does not overlap `x`.
    package static func activate(_ x: Matrix, _ activation: Activation, into out: Matrix) {
        precondition(x.rows == out.rows && x.columns == out.columns, "x and out are [T, F]")
        recorded(.swiglu, elements: 2 * x.rows * x.columns) {
            ek_activation_forward(activation.kernel, x.base, x.stride, out.base, out.stride, x.rows, x.columns)
        }
    }

    /// Replaces `x` `[T, F]` with its gradient, given `dout` `[T, F]`, which does not overlap it.
    package static func activateBackward(_ x: Matrix, _ activation: Activation, dout: Matrix) {
        precondition(x.rows == dout.rows && x.columns == dout.columns, "x and dout are [T, F]")
        recorded(.swiglu, elements: 3 * x.rows * x.columns) {
            ek_activation_backward(activation.kernel, x.base, x.stride, dout.base, dout.stride, x.rows, x.columns)
        }
    }
}
