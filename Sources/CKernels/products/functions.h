// The kernels of products, by their functions.
#ifndef ESPALIER_FUNCTIONS_H
#define ESPALIER_FUNCTIONS_H

#include "../tiles.h"

/// The functions of a kernel; `ek_product_kernel` explains them.
typedef struct {
    ek_product_shape shape;
    void (*pack_left)(ek_source, bool is_across, size_t rows, size_t depth, uint32_t *strips);
    void (*pack_right)(ek_source, bool is_across, size_t depth, size_t columns, uint32_t *panels);
    void (*multiply)(const uint32_t *left, size_t left_row, const uint32_t *right, size_t rows, size_t columns,
                     size_t units, float *c, size_t c_row, bool adds);
} ek_product_functions;

extern const ek_product_functions ek_portable_product, ek_bfloat16_model_product, ek_amx_model_product;
#if defined(__x86_64__)
extern const ek_product_functions ek_avx2_product, ek_avx512_product, ek_bfloat16_avx512_product, ek_amx_product;
#endif

#endif
