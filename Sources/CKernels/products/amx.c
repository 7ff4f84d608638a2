#include "functions.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16,no-prefer-256-bit"))), \
                             apply_to = function)
#include "units.h"

enum { TILE_ROWS = 32, TILE_COLUMNS = 32, BLOCK_COLUMNS = EK_BLOCK_COLUMNS, BLOCK_UNITS = EK_BLOCK_UNITS, UNIT_STEP = 16 };
#include "pairs_avx512.h"

#include "packing.h"

/// The shape of all eight registers.
EK_INLINE void tile_start(void) {
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int t = 0; t < 8; t++) (shape.row_bytes[t] = 64, shape.rows[t] = LANES);
    _tile_loadconfig(&shape);
}

#define tile_end() _tile_release()
#define tile_zero(t) _tile_zero(t)
#define tile_load(t, address, bytes) _tile_loadd(t, address, bytes)
#define tile_store(t, address, bytes) _tile_stored(t, address, bytes)
#define tile_product(c, a, b) _tile_dpbf16ps(c, a, b)
#include "amx_tile.h"

/// Adds products of zeros: eight registers are four of sums and two of each operand, as in a product.
double ek_peak_amx_bf16(size_t rounds, float *result) {
    tile_start();
    tile_zero(0);
    tile_zero(1);
    tile_zero(2);
    tile_zero(3);
    tile_zero(4);
    tile_zero(5);
    tile_zero(6);
    tile_zero(7);
    for (size_t round = 0; round < rounds; round++) {
        tile_product(0, 4, 6);
        tile_product(1, 4, 7);
        tile_product(2, 5, 6);
        tile_product(3, 5, 7);
    }
    float sums[LANES * LANES];
    tile_store(0, sums, LANES * sizeof *sums);
    tile_end();
    *result = sums[0];
    // A product adds 32 products to each of 256 sums.
    return (double)rounds * 4 * LANES * LANES * 2 * LANES * 2;
}

#pragma clang attribute pop
const ek_product_functions ek_amx_product = EK_AMX_FUNCTIONS;
#else
double ek_peak_amx_bf16(size_t rounds, float *result) {
    (void)rounds;
    *result = 0;
    return 0;
}
#endif
