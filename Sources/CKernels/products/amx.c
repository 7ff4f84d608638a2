#include "functions.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16,no-prefer-256-bit"))), \
                             apply_to = function)
#include "units.h"

enum { TILE_ROWS = 32, TILE_COLUMNS = 32, UNIT_STEP = 16 };
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

#pragma clang attribute pop
const ek_product_functions ek_amx_product = EK_AMX_FUNCTIONS;
#endif
