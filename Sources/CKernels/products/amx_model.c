#include "functions.h"
#include "units.h"

// The arithmetic of AMX-BF16 in scalar operations, for tests on any processor: within 16 pairs the first and the second
// numbers are multiplied and summed apart, then both sums are added, and the result is added to the register.

enum { TILE_ROWS = 32, TILE_COLUMNS = 32, BLOCK_COLUMNS = EK_BLOCK_COLUMNS, BLOCK_UNITS = EK_BLOCK_UNITS, UNIT_STEP = 16 };
#include "pairs.h"

#include "packing.h"

/// The eight registers.
typedef struct {
    uint32_t rows[8][LANES][LANES];
} registers;

static _Thread_local registers model;

EK_INLINE void tile_start(void) {}
EK_INLINE void tile_end(void) {}

EK_INLINE void tile_zero(int t) { memset(model.rows[t], 0, sizeof model.rows[t]); }

EK_INLINE void tile_load(int t, const void *address, size_t bytes) {
    for (size_t i = 0; i < LANES; i++) memcpy(model.rows[t][i], (const char *)address + i * bytes, 64);
}

EK_INLINE void tile_store(int t, void *address, size_t bytes) {
    for (size_t i = 0; i < LANES; i++) memcpy((char *)address + i * bytes, model.rows[t][i], 64);
}

EK_INLINE void tile_product(int c, int a, int b) {
    for (size_t i = 0; i < LANES; i++)
        for (size_t j = 0; j < LANES; j++) {
            float first = 0, second = 0, sum;
            for (size_t u = 0; u < LANES; u++) {
                const uint32_t x = model.rows[a][i][u], y = model.rows[b][u][j];
                first = ek_fused(ek_first(x), ek_first(y), first);
                second = ek_fused(ek_second(x), ek_second(y), second);
            }
            memcpy(&sum, &model.rows[c][i][j], sizeof sum);
            sum = ek_flushed(ek_flushed(sum) + ek_flushed(first + second));
            memcpy(&model.rows[c][i][j], &sum, sizeof sum);
        }
}

#include "amx_tile.h"

const ek_product_functions ek_amx_model_product = EK_AMX_FUNCTIONS;
