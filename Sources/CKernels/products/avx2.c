#include "functions.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3,tune=haswell"))), apply_to = function)
#define GROUP 8
#include "units.h"

// 12 sums, 3 vectors of the right operand and a unit of the left one in 16 registers: of the tiles of 12 sums this one loads
// least.
typedef float VECTOR __attribute__((vector_size(32), aligned(4), may_alias));
enum { TILE_ROWS = 4, TILE_COLUMNS = 24, BLOCK_COLUMNS = TILE_COLUMNS, BLOCK_UNITS = 192 };
#include "singles.h"

#pragma clang attribute pop
const ek_product_functions ek_avx2_product = EK_PRODUCT_FUNCTIONS;
#endif
