internal import CKernels

/// The number format of packed operands, and the instructions that multiply them.
package enum ProductKernel: String, Sendable, CaseIterable {
    /// float32 in vectors of four numbers, on any processor.
    case portable
    /// float32 with AVX2's fused multiply-adds.
    case avx2
    /// float32 with AVX-512.
    case avx512
    /// The arithmetic of `avx512BFloat16` in scalar operations, for tests on any processor.
    case bfloat16Model = "bfloat16-model"
    /// Pairs of bfloat16 with AVX512-BF16, summed in float32.
    case avx512BFloat16 = "avx512-bf16"
    /// The arithmetic of `amx` in scalar operations, for tests on any processor.
    case amxModel = "amx-model"
    /// Tiles of bfloat16 with AMX, summed in float32. No one has reported it from a processor that has it.
    case amx = "amx-bf16"

    var kernel: ek_product_kernel {
        switch self {
        case .portable: EK_PRODUCT_PORTABLE
        case .avx2: EK_PRODUCT_AVX2
        case .avx512: EK_PRODUCT_AVX512
        case .bfloat16Model: EK_PRODUCT_BFLOAT16_MODEL
        case .avx512BFloat16: EK_PRODUCT_BFLOAT16_AVX512
        case .amxModel: EK_PRODUCT_AMX_MODEL
        case .amx: EK_PRODUCT_AMX
        }
    }

    /// Whether the processor has the instructions.
    package var isAvailable: Bool { ek_product_runs(kernel) }

    /// Whether operands are rounded to bfloat16.
    package var roundsOperands: Bool {
        switch self {
        case .portable, .avx2, .avx512: false
        case .bfloat16Model, .avx512BFloat16, .amxModel, .amx: true
        }
    }

    var shape: ek_product_shape { ek_product_shape_of(kernel) }

    /// The kernels of instructions for bfloat16, of which a processor may have none.
    package static let bfloat16: [ProductKernel] = [.amx, .avx512BFloat16]

    /// The kernel in float32 that uses the processor's widest vectors.
    package static var float32: ProductKernel {
        [.avx512, .avx2].first(where: \.isAvailable) ?? .portable
    }
}
