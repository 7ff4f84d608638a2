/// The products of activations with weights, and how they are computed: from packed operands by one of the kernels, or by the
/// library.
///
/// All run on the calling thread. Whatever the format of the operands, sums are float32. Shapes: `T` tokens, `N` inputs, `M`
/// outputs.
///
/// Kernels that round operands round activations and gradients to nearest, and weights up or down by a threshold of each
/// element's index. An update is often smaller than the distance between two numbers of bfloat16: to nearest, it would be
/// lost in most weights, and too large in others; by thresholds that are spread evenly, the part of the weights that moves is
/// as large as the update, so that sums over many weights change as they do in float32. Weights that are numbers of bfloat16,
/// as in most files, are exact.
package struct Products: Sendable, Equatable {
    /// The way in which a product is computed.
    package enum Method: Sendable, Equatable {
        /// OpenBLAS, in float32.
        case library
        case kernel(ProductKernel)
    }

    package let method: Method

    /// Products by this method.
    package init(_ method: Method) { self.method = method }

    /// Products by the method of this name, `openblas` or that of a kernel; nil if there is none.
    package init?(name: String) {
        guard name != Self.libraryName else {
            self.init(.library)
            return
        }
        guard let kernel = ProductKernel(rawValue: name) else { return nil }
        self.init(.kernel(kernel))
    }

    private static let libraryName = "openblas"

    /// All names.
    package static var names: [String] { [libraryName] + ProductKernel.allCases.map(\.rawValue) }

    /// The name of the method.
    package var name: String {
        switch method {
        case .library: Self.libraryName
        case .kernel(let kernel): kernel.rawValue
        }
    }

    /// The bytes of packed operands of each thread that computes products, from the first one on.
    package static var bufferBytes: Int { PackingBuffers.byteCount }

    /// Allocates the memory of packed operands of each thread of a team, so that none of its products needs any.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package static func allocateBuffers(of team: ThreadTeam) throws {
        for result in team.map("packed operands", { _ in Result { _ = try PackingBuffers.own() } }) { try result.get() }
    }

    /// Whether the processor can compute them.
    package var isAvailable: Bool {
        switch method {
        case .library: true
        case .kernel(let kernel): kernel.isAvailable
        }
    }

    /// Products in float32 by the kernel of this processor.
    package static var float32: Products { Products(.kernel(.float32)) }

    /// Whether operands are rounded to bfloat16.
    package var roundsOperands: Bool {
        if case .kernel(let kernel) = method { kernel.roundsOperands } else { false }
    }

    /// Computes `y = x Wᵀ`, or `y += x Wᵀ` if `accumulate` is set.
    ///
    /// - Parameters:
    ///   - x: `[T, N]`.
    ///   - weight: `W`, `[M, N]`.
    ///   - firstIndex: The index in the whole weight of the first element of this part, for the elements' thresholds.
    ///   - y: `[T, M]`, not overlapping the others.
    ///   - scratch: Contiguous, with at least `StoredMatrix.scratchCount` elements, overwritten; nil only for weights in
    ///     float32.
    package func forward(
        _ x: Matrix,
        _ weight: StoredMatrix,
        firstIndex: Int = 0,
        into y: Matrix,
        accumulate: Bool = false,
        scratch: Matrix? = nil
    ) {
        switch method {
        case .library: multiply(x, weight.transposed, into: y, accumulate: accumulate, scratch: scratch)
        case .kernel(let kernel):
            let weight = weight.source(across: false, firstIndex: firstIndex, for: kernel)
            PackedProduct(kernel, x.source(across: false), weight).computeRecorded(into: y, accumulate: accumulate)
        }
    }

    /// Computes `dx = dy W`, or `dx += dy W` if `accumulate` is set.
    ///
    /// - Parameters:
    ///   - dy: `[T, M]`.
    ///   - weight: `W`, `[M, N]`.
    ///   - firstIndex: As in `forward`.
    ///   - dx: `[T, N]`, not overlapping the others.
    ///   - scratch: As in `forward`.
    package func inputGradient(
        _ dy: Matrix,
        _ weight: StoredMatrix,
        firstIndex: Int = 0,
        into dx: Matrix,
        accumulate: Bool = false,
        scratch: Matrix? = nil
    ) {
        switch method {
        case .library: multiply(dy, weight, into: dx, accumulate: accumulate, scratch: scratch)
        case .kernel(let kernel):
            let weight = weight.source(across: true, firstIndex: firstIndex, for: kernel)
            PackedProduct(kernel, dy.source(across: false), weight).computeRecorded(into: dx, accumulate: accumulate)
        }
    }

    /// Computes `dW = dyᵀ x`, or `dW += dyᵀ x` if `accumulate` is set.
    ///
    /// - Parameters:
    ///   - dy: `[T, M]`.
    ///   - x: `[T, N]`.
    ///   - dweight: `[M, N]`, not overlapping the others.
    package func weightGradient(_ dy: Matrix, _ x: Matrix, into dweight: Matrix, accumulate: Bool = false) {
        switch method {
        case .library: multiply(dy.transposed, x, into: dweight, accumulate: accumulate)
        case .kernel(let kernel):
            PackedProduct(kernel, dy.source(across: true), x.source(across: true))
                .computeRecorded(into: dweight, accumulate: accumulate)
        }
    }
}

extension PackedProduct {
    fileprivate func computeRecorded(into c: Matrix, accumulate: Bool) {
        recorded(.product, flops: flops, elements: elements(accumulate: accumulate)) {
            compute(into: c, accumulate: accumulate)
        }
    }
}
