#include "functions.h"
#include "units.h"

// The arithmetic of AVX512-BF16 in scalar operations, for tests on any processor: the second numbers of a pair are multiplied
// and added first, then the first ones, each with one rounding.

typedef float VECTOR __attribute__((vector_size(16), aligned(4), may_alias));
enum { TILE_ROWS = 2, TILE_COLUMNS = 16, BLOCK_COLUMNS = EK_BLOCK_COLUMNS, BLOCK_UNITS = EK_BLOCK_UNITS, UNIT_STEP = 1 };
#include "pairs.h"

EK_INLINE VECTOR add_product(VECTOR sum, const uint32_t *a, VECTOR x) {
    uint32_t pairs[sizeof x / sizeof *a];
    memcpy(pairs, &x, sizeof pairs);
    for (size_t i = 0; i < sizeof x / sizeof *a; i++)
        sum[i] = ek_fused(ek_first(*a), ek_first(pairs[i]), ek_fused(ek_second(*a), ek_second(pairs[i]), sum[i]));
    return sum;
}

#include "packing.h"
#include "tile.h"
#include "block.h"

const ek_product_functions ek_bfloat16_model_product = EK_PRODUCT_FUNCTIONS;
