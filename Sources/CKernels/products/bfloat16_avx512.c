#include "functions.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,avx512bf16,no-prefer-256-bit"))), apply_to = function)
#include "units.h"

// The tile of avx512.c; a unit is a pair.
typedef float VECTOR __attribute__((vector_size(64), aligned(4), may_alias));
enum { TILE_ROWS = 8, TILE_COLUMNS = 48, BLOCK_COLUMNS = EK_BLOCK_COLUMNS, BLOCK_UNITS = EK_BLOCK_UNITS, UNIT_STEP = 1 };
#include "pairs_avx512.h"

EK_INLINE VECTOR add_product(VECTOR sum, const uint32_t *a, VECTOR x) {
    return (VECTOR)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)*a), (__m512bh)x);
}

#include "packing.h"
#include "tile.h"
#include "block.h"

#pragma clang attribute pop
const ek_product_functions ek_bfloat16_avx512_product = EK_PRODUCT_FUNCTIONS;
#endif
