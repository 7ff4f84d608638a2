// Tiles of the result in registers; included by each kernel after packing.h and its definitions:
//
//   VECTOR                  a vector of float32
//   TILE_ROWS, TILE_COLUMNS the tile
//   add_product(sum, a, x)  `sum` plus the products of the unit at `a` with the units of `x`

enum { WIDTH = sizeof(VECTOR) / sizeof(float), VECTORS = TILE_COLUMNS / WIDTH };

/// Computes `c = a * b`, or `c += a * b` if `adds`, for `TILE_ROWS` rows and `vectors` vectors of columns.
///
/// Each element is one sum over the units in their order, whatever its place.
EK_INLINE void tile(const int vectors, const uint32_t *a, size_t a_row, const uint32_t *b, float *c, size_t c_row,
                    size_t units, const bool adds) {
    EK_UNROLLED for (int i = 0; i < TILE_ROWS; i++)
        for (int j = 0; j < vectors * WIDTH; j += LANES) __builtin_prefetch(c + (size_t)i * c_row + j, 1);
    VECTOR sums[TILE_ROWS][VECTORS];
    EK_UNROLLED for (int i = 0; i < TILE_ROWS; i++)
        EK_UNROLLED for (int j = 0; j < vectors; j++) sums[i][j] = (VECTOR){0};
    _Pragma("clang loop unroll_count(2)") for (size_t u = 0; u < units; u++) {
        VECTOR x[VECTORS];
        EK_UNROLLED for (int j = 0; j < vectors; j++) x[j] = *(const VECTOR *)(b + u * TILE_COLUMNS + j * WIDTH);
        EK_UNROLLED for (int i = 0; i < TILE_ROWS; i++)
            EK_UNROLLED for (int j = 0; j < vectors; j++)
                sums[i][j] = add_product(sums[i][j], a + (size_t)i * a_row + u, x[j]);
    }
    EK_UNROLLED for (int i = 0; i < TILE_ROWS; i++)
        EK_UNROLLED for (int j = 0; j < vectors; j++) {
            VECTOR *p = (VECTOR *)(c + (size_t)i * c_row + j * WIDTH);
            *p = adds ? *p + sums[i][j] : sums[i][j];
        }
}
