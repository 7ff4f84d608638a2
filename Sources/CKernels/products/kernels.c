#include "functions.h"

/// The functions of a kernel; nil if it is not compiled for this architecture.
static const ek_product_functions *functions(ek_product_kernel kernel) {
    switch (kernel) {
#if defined(__x86_64__)
    case EK_PRODUCT_AVX2: return &ek_avx2_product;
    case EK_PRODUCT_AVX512: return &ek_avx512_product;
    case EK_PRODUCT_BFLOAT16_AVX512: return &ek_bfloat16_avx512_product;
    case EK_PRODUCT_AMX: return &ek_amx_product;
#endif
    case EK_PRODUCT_PORTABLE: return &ek_portable_product;
    case EK_PRODUCT_BFLOAT16_MODEL: return &ek_bfloat16_model_product;
    case EK_PRODUCT_AMX_MODEL: return &ek_amx_model_product;
    default: return NULL;
    }
}

bool ek_product_runs(ek_product_kernel kernel) {
    const int level = ek_processor_level();
    switch (kernel) {
    case EK_PRODUCT_AVX2: return level >= 3;
    case EK_PRODUCT_AVX512: return level >= 4;
    case EK_PRODUCT_BFLOAT16_AVX512: return ek_has_avx512_bf16();
    case EK_PRODUCT_AMX: return ek_may_use_amx_bf16();
    default: return true;
    }
}

ek_product_shape ek_product_shape_of(ek_product_kernel kernel) { return functions(kernel)->shape; }

void ek_pack_left(ek_product_kernel kernel, ek_source source, bool is_across, size_t rows, size_t depth,
                  uint32_t *strips) {
    functions(kernel)->pack_left(source, is_across, rows, depth, strips);
}

void ek_pack_right(ek_product_kernel kernel, ek_source source, bool is_across, size_t depth, size_t columns,
                   uint32_t *panels) {
    functions(kernel)->pack_right(source, is_across, depth, columns, panels);
}

void ek_multiply_packed(ek_product_kernel kernel, const uint32_t *left, size_t left_row, const uint32_t *right,
                        size_t rows, size_t columns, size_t units, float *c, size_t c_row, bool adds) {
    functions(kernel)->multiply(left, left_row, right, rows, columns, units, c, c_row, adds);
}
