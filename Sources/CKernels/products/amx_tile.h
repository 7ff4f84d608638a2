// Tiles of the result in the registers of AMX, each 16 rows of 64 bytes; included after packing.h and definitions of
//
//   tile_start()                        configures the registers
//   tile_end()                          releases them
//   tile_zero(t)                        sets register `t` to zero
//   tile_load(t, address, bytes)        loads 16 rows, `bytes` apart
//   tile_store(t, address, bytes)       stores them
//   tile_product(c, a, b)               adds the products of the pairs of `a` and `b` to `c`
//
// whose registers are constants. The same code computes with the instructions and with their model.

enum { WIDTH = TILE_COLUMNS, VECTORS = 1 };

/// Computes `c = a * b`, or `c += a * b` if `adds`, for 32 rows and 32 columns: four registers of sums, two of each operand.
EK_INLINE void tile(const int vectors, const uint32_t *a, size_t a_row, const uint32_t *b, float *c, size_t c_row,
                    size_t units, const bool adds) {
    (void)vectors;
    const size_t a_bytes = a_row * sizeof *a, b_bytes = TILE_COLUMNS * sizeof *b, c_bytes = c_row * sizeof *c;
    float *const lower = c + LANES * c_row;
    if (adds) {
        tile_load(0, c, c_bytes);
        tile_load(1, c + LANES, c_bytes);
        tile_load(2, lower, c_bytes);
        tile_load(3, lower + LANES, c_bytes);
    } else {
        tile_zero(0);
        tile_zero(1);
        tile_zero(2);
        tile_zero(3);
    }
    for (size_t u = 0; u < units; u += UNIT_STEP) {
        tile_load(4, a + u, a_bytes);
        tile_load(5, a + LANES * a_row + u, a_bytes);
        tile_load(6, b + u * TILE_COLUMNS, b_bytes);
        tile_load(7, b + u * TILE_COLUMNS + LANES, b_bytes);
        tile_product(0, 4, 6);
        tile_product(1, 4, 7);
        tile_product(2, 5, 6);
        tile_product(3, 5, 7);
    }
    tile_store(0, c, c_bytes);
    tile_store(1, c + LANES, c_bytes);
    tile_store(2, lower, c_bytes);
    tile_store(3, lower + LANES, c_bytes);
}

#include "block.h"

static void multiply_in_tiles(const uint32_t *left, size_t left_row, const uint32_t *right, size_t rows,
                              size_t columns, size_t units, float *c, size_t c_row, bool adds) {
    tile_start();
    multiply(left, left_row, right, rows, columns, units, c, c_row, adds);
    tile_end();
}

#define EK_AMX_FUNCTIONS                                                                                           \
    { {TILE_ROWS, TILE_COLUMNS, PER_UNIT, UNIT_STEP, BLOCK_UNITS}, pack_left, pack_right, multiply_in_tiles }
