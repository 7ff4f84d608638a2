// Small matrix products whose result stays in registers, for attention and for products with a narrow operand.
//
// A product in attention has an inner dimension of one head's width and operands in cache. A BLAS library packs both
// operands for every such product; here panels of keys are packed once for many query rows, everything else is read in
// place, and the sum of a row runs over the inner dimension in order, independent of the row's place.
#ifndef ESPALIER_TILES_H
#define ESPALIER_TILES_H

#include "lanes.h"

/// A row of a tile: one register of AVX-512, two of AVX2, four of SSE.
typedef float ek_vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/// The number of rows, and of panels of 16 columns, that are accumulated in registers at once.
typedef struct {
    int rows, panels;
} ek_shape;

/// The maximum of each, over all levels.
enum { MAX_TILE_ROWS = 8, MAX_TILE_PANELS = 2 };

#define EK_UNROLLED _Pragma("clang loop unroll(full)")

/// A matrix with element `(i, k)` at `base[i * row + k * column]`.
typedef struct {
    const float *base;
    size_t row, column;
} ek_left;

/// A matrix in vertical panels of 16 columns, with element `(k, 16 j + l)` at `base[k * row + j * panel + l]`.
typedef struct {
    const float *base;
    size_t row, panel;
} ek_right;

/// Computes `c = scale * a * b`, or `c += scale * a * b` if `adds`, for one tile; `c` is row-major.
EK_INLINE void ek_tile(const ek_shape tile, ek_left a, ek_right b, float *c, size_t c_row, size_t depth, float scale,
                       const bool adds) {
    ek_vector sums[MAX_TILE_ROWS][MAX_TILE_PANELS];
    EK_UNROLLED for (int i = 0; i < tile.rows; i++)
        EK_UNROLLED for (int j = 0; j < tile.panels; j++) sums[i][j] = (ek_vector){0};
    for (size_t k = 0; k < depth; k++) {
        ek_vector x[MAX_TILE_PANELS];
        EK_UNROLLED for (int j = 0; j < tile.panels; j++) x[j] = *(const ek_vector *)(b.base + k * b.row + (size_t)j * b.panel);
        EK_UNROLLED for (int i = 0; i < tile.rows; i++)
            EK_UNROLLED for (int j = 0; j < tile.panels; j++) sums[i][j] += a.base[(size_t)i * a.row + k * a.column] * x[j];
    }
    EK_UNROLLED for (int i = 0; i < tile.rows; i++)
        EK_UNROLLED for (int j = 0; j < tile.panels; j++) {
            ek_vector *p = (ek_vector *)(c + (size_t)i * c_row + j * LANES);
            *p = adds ? *p + sums[i][j] * scale : sums[i][j] * scale;
        }
}

/// Computes the columns after the last whole panel, one element at a time, in the same order of summation.
EK_INLINE void ek_tile_rest(const int tile_rows, ek_left a, const float *b, size_t b_row, size_t columns, float *c,
                            size_t c_row, size_t depth, float scale, const bool adds) {
    for (int i = 0; i < tile_rows; i++)
        for (size_t j = 0; j < columns; j++) {
            float sum = 0;
            for (size_t k = 0; k < depth; k++) sum += a.base[(size_t)i * a.row + k * a.column] * b[k * b_row + j];
            float *p = c + (size_t)i * c_row + j;
            *p = adds ? *p + sum * scale : sum * scale;
        }
}

/// The matrix without its first `panels` panels.
EK_INLINE ek_right ek_drop_panels(ek_right b, size_t panels) {
    return (ek_right){b.base + panels * b.panel, b.row, b.panel};
}

/// Computes `c = scale * a * b`, or `c += scale * a * b` if `adds`, for the number of rows of the shape.
EK_INLINE void ek_strip(const ek_shape shape, ek_left a, ek_right b, size_t columns, float *c, size_t c_row,
                        size_t depth, float scale, const bool adds) {
    const size_t panels = columns / LANES;
    size_t j = 0;
    for (; j + (size_t)shape.panels <= panels; j += (size_t)shape.panels)
        ek_tile(shape, a, ek_drop_panels(b, j), c + j * LANES, c_row, depth, scale, adds);
    for (; j < panels; j++)
        ek_tile((ek_shape){shape.rows, 1}, a, ek_drop_panels(b, j), c + j * LANES, c_row, depth, scale, adds);
    const size_t done = panels * LANES;
    const float *rest = ek_drop_panels(b, panels).base;
    ek_tile_rest(shape.rows, a, rest, b.row, columns - done, c + done, c_row, depth, scale, adds);
}

/// The number of rows of the next strip: the largest of `most`, `most / 2` and 1 that is at most `remaining`.
EK_INLINE size_t ek_strip_rows(const int most, size_t remaining) {
    return remaining >= (size_t)most ? (size_t)most : remaining >= (size_t)most / 2 ? (size_t)most / 2 : 1;
}

/// `ek_strip` for `rows` rows, one of the sizes that `ek_strip_rows` returns.
EK_INLINE void ek_sized_strip(const ek_shape shape, size_t rows, ek_left a, ek_right b, size_t columns, float *c,
                              size_t c_row, size_t depth, float scale, const bool adds) {
    if (rows == (size_t)shape.rows)
        ek_strip(shape, a, b, columns, c, c_row, depth, scale, adds);
    else if (rows == (size_t)shape.rows / 2)
        ek_strip((ek_shape){shape.rows / 2, shape.panels}, a, b, columns, c, c_row, depth, scale, adds);
    else
        ek_strip((ek_shape){1, shape.panels}, a, b, columns, c, c_row, depth, scale, adds);
}

/// Transposes 16 × 16 elements in registers, in four rounds, each of which interleaves the upper and lower half of the rows.
EK_INLINE void ek_transpose_registers(ek_vector a[LANES]) {
    EK_UNROLLED for (int round = 0; round < 4; round++) {
        ek_vector b[LANES];
        EK_UNROLLED for (int i = 0; i < LANES / 2; i++) {
            const ek_vector x = a[i], y = a[i + LANES / 2];
            b[2 * i] = __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            b[2 * i + 1] =
                __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        EK_UNROLLED for (int i = 0; i < LANES; i++) a[i] = b[i];
    }
}

/// Writes 16 × 16 elements transposed.
EK_INLINE void ek_transpose(const float *source, size_t stride, float *target) {
    ek_vector a[LANES];
    EK_UNROLLED for (int i = 0; i < LANES; i++) a[i] = *(const ek_vector *)(source + (size_t)i * stride);
    ek_transpose_registers(a);
    EK_UNROLLED for (int i = 0; i < LANES; i++) *(ek_vector *)(target + i * LANES) = a[i];
}

/// Packs `rows` rows of `source` `[rows, K]` as the columns of panels: `(k, i)` of the result is `source[i, k]`.
/// Columns after the last row, up to a whole panel, are zero.
EK_INLINE ek_right ek_packed_transposed(const float *source, size_t stride, size_t rows, size_t K, float *panels) {
    for (size_t start = 0; start < rows; start += LANES, source += LANES * stride) {
        float *panel = panels + start * K;
        const size_t count = rows - start < LANES ? rows - start : LANES;
        if (count < LANES) memset(panel, 0, LANES * K * sizeof *panel);
        size_t k = 0;
        for (; count == LANES && k + LANES <= K; k += LANES) ek_transpose(source + k, stride, panel + k * LANES);
        for (; k < K; k++)
            for (size_t i = 0; i < count; i++) panel[k * LANES + i] = source[i * stride + k];
    }
    return (ek_right){panels, LANES, LANES * K};
}

// Defines `ek_NAME` by versions of the inline function `NAME` for each level, whose first argument is a shape. Shapes
// use all vector registers: 32 of 64 bytes, 16 of 32, 16 of 16. By default Clang limits x86-64-v4 to 256-bit vectors.
#define EK_LEVELS(NAME, PARAMETERS, ...)                                                                        \
    EK_TARGET("arch=x86-64-v4,no-prefer-256-bit") static void NAME##_v4 PARAMETERS {                            \
        NAME((ek_shape){MAX_TILE_ROWS, MAX_TILE_PANELS}, __VA_ARGS__);                                          \
    }                                                                                                           \
    EK_TARGET("arch=x86-64-v3") static void NAME##_v3 PARAMETERS { NAME((ek_shape){6, 1}, __VA_ARGS__); }       \
    static void NAME##_v1 PARAMETERS { NAME((ek_shape){2, 1}, __VA_ARGS__); }                                   \
    void ek_##NAME PARAMETERS {                                                                                 \
        const int level = ek_processor_level();                                                                 \
        (level == 4 ? NAME##_v4 : level == 3 ? NAME##_v3 : NAME##_v1)(__VA_ARGS__);                             \
    }

#endif
