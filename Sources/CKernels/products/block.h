// The result of two packed operands, tile by tile; included by each kernel after its `tile`, and `TILE_ROWS`,
// `TILE_COLUMNS`, and the tile's `VECTORS` of `WIDTH` columns.

/// A tile of which only `rows` rows and `columns` columns belong to the result.
EK_INLINE void partial_tile(const uint32_t *a, const uint32_t *b, size_t rows, size_t columns, float *c, size_t c_row,
                            size_t units, const bool adds) {
    float sums[TILE_ROWS * TILE_COLUMNS];
    if (adds)
        for (size_t i = 0; i < rows; i++) memcpy(sums + i * TILE_COLUMNS, c + i * c_row, columns * sizeof *c);
    const size_t vectors = (columns + WIDTH - 1) / WIDTH;
    if (vectors == 1)
        tile(1, a, b, sums, TILE_COLUMNS, units, adds);
    else if (vectors < VECTORS)
        tile(VECTORS - 1, a, b, sums, TILE_COLUMNS, units, adds);
    else
        tile(VECTORS, a, b, sums, TILE_COLUMNS, units, adds);
    for (size_t i = 0; i < rows; i++) memcpy(c + i * c_row, sums + i * TILE_COLUMNS, columns * sizeof *c);
}

EK_INLINE void multiply_all(const uint32_t *left, const uint32_t *right, size_t rows, size_t columns, size_t units,
                            float *c, size_t c_row, const bool adds) {
    for (size_t i = 0; i < rows; i += TILE_ROWS)
        for (size_t j = 0; j < columns; j += TILE_COLUMNS) {
            const uint32_t *a = left + i * EK_STRIP_UNITS, *b = right + j * units;
            float *target = c + i * c_row + j;
            if (rows - i < TILE_ROWS || columns - j < TILE_COLUMNS)
                partial_tile(a, b, ek_smaller(rows - i, TILE_ROWS), ek_smaller(columns - j, TILE_COLUMNS), target, c_row,
                             units, adds);
            else
                tile(VECTORS, a, b, target, c_row, units, adds);
        }
}

static void multiply(const uint32_t *left, const uint32_t *right, size_t rows, size_t columns, size_t units, float *c,
                     size_t c_row, bool adds) {
    if (adds)
        multiply_all(left, right, rows, columns, units, c, c_row, true);
    else
        multiply_all(left, right, rows, columns, units, c, c_row, false);
}

#define EK_PRODUCT_FUNCTIONS                                                                                       \
    { {TILE_ROWS, TILE_COLUMNS, PER_UNIT, UNIT_STEP}, pack_left, pack_right, multiply }
