// The result of two packed operands, tile by tile; included by each kernel after its `tile`, and `TILE_ROWS`,
// `TILE_COLUMNS`, and the tile's `VECTORS` of `WIDTH` columns, and
//
//   BLOCK_COLUMNS           the columns that `BLOCK_ROWS` rows are multiplied with before the next ones: a panel that stays in
//                           the first level of the cache, past which rows come from the second one, or all, past which a
//                           strip of rows stays there
//   BLOCK_UNITS             the most units of the inner dimension in a block

/// Rows that stay in the second level of the cache; a multiple of every tile's.
enum { BLOCK_ROWS = 96 };

/// A tile of which only `rows` rows and `columns` columns belong to the result.
EK_INLINE void partial_tile(const uint32_t *a, size_t a_row, const uint32_t *b, size_t rows, size_t columns, float *c,
                            size_t c_row, size_t units, const bool adds) {
    float sums[TILE_ROWS * TILE_COLUMNS];
    if (adds)
        for (size_t i = 0; i < rows; i++) memcpy(sums + i * TILE_COLUMNS, c + i * c_row, columns * sizeof *c);
    const size_t vectors = (columns + WIDTH - 1) / WIDTH;
    if (vectors == 1)
        tile(1, a, a_row, b, sums, TILE_COLUMNS, units, adds);
    else if (vectors < VECTORS)
        tile(VECTORS - 1, a, a_row, b, sums, TILE_COLUMNS, units, adds);
    else
        tile(VECTORS, a, a_row, b, sums, TILE_COLUMNS, units, adds);
    for (size_t i = 0; i < rows; i++) memcpy(c + i * c_row, sums + i * TILE_COLUMNS, columns * sizeof *c);
}

/// At most `TILE_ROWS` rows of the result, of which `a` has as many as a tile.
EK_INLINE void multiply_strip(const uint32_t *a, size_t a_row, const uint32_t *right, size_t rows, size_t columns,
                              size_t units, float *c, size_t c_row, const bool adds) {
    for (size_t j = 0; j < columns; j += TILE_COLUMNS) {
        const uint32_t *b = right + j * units;
        if (rows < TILE_ROWS || columns - j < TILE_COLUMNS)
            partial_tile(a, a_row, b, rows, ek_smaller(columns - j, TILE_COLUMNS), c + j, c_row, units, adds);
        else
            tile(VECTORS, a, a_row, b, c + j, c_row, units, adds);
    }
}

EK_INLINE void multiply_all(const uint32_t *left, size_t left_row, const uint32_t *right, size_t rows, size_t columns,
                            size_t units, float *c, size_t c_row, const bool adds) {
    const size_t rest = rows % TILE_ROWS, whole = rows - rest;
    // Rows that are left over are followed by zeros, since no row beyond the last one is read.
    uint32_t last[TILE_ROWS * EK_STRIP_UNITS];
    if (rest > 0) memset(last, 0, sizeof last);
    for (size_t i = 0; i < rest; i++)
        memcpy(last + i * EK_STRIP_UNITS, left + (whole + i) * left_row, units * sizeof *left);
    for (size_t start = 0; start < rows; start += BLOCK_ROWS)
        for (size_t j = 0; j < columns; j += BLOCK_COLUMNS) {
            const uint32_t *panels = right + j * units;
            const size_t end = ek_smaller(start + BLOCK_ROWS, rows), width = ek_smaller(columns - j, BLOCK_COLUMNS);
            for (size_t i = start; i < ek_smaller(end, whole); i += TILE_ROWS)
                multiply_strip(left + i * left_row, left_row, panels, TILE_ROWS, width, units, c + i * c_row + j, c_row, adds);
            if (end == rows && rest > 0)
                multiply_strip(last, EK_STRIP_UNITS, panels, rest, width, units, c + whole * c_row + j, c_row, adds);
        }
}

static void multiply(const uint32_t *left, size_t left_row, const uint32_t *right, size_t rows, size_t columns,
                     size_t units, float *c, size_t c_row, bool adds) {
    if (adds)
        multiply_all(left, left_row, right, rows, columns, units, c, c_row, true);
    else
        multiply_all(left, left_row, right, rows, columns, units, c, c_row, false);
}

#define EK_PRODUCT_FUNCTIONS                                                                                       \
    { {TILE_ROWS, TILE_COLUMNS, PER_UNIT, UNIT_STEP, BLOCK_UNITS}, pack_left, pack_right, multiply }
