#include "functions.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,no-prefer-256-bit"))), apply_to = function)
#include "units.h"

// 24 sums, 3 vectors of the right operand and a unit of the left one in 32 registers; wide tiles load least.
typedef float VECTOR __attribute__((vector_size(64), aligned(4), may_alias));
enum { TILE_ROWS = 8, TILE_COLUMNS = 48, BLOCK_COLUMNS = EK_BLOCK_COLUMNS, BLOCK_UNITS = EK_BLOCK_UNITS };
#include "singles.h"

#pragma clang attribute pop
const ek_product_functions ek_avx512_product = EK_PRODUCT_FUNCTIONS;
#endif
