// Small matrix products whose result stays in registers: what attention is made of.
//
// A product of attention has an inner dimension of one head's width and operands that lie in cache. A library packs
// both operands anew for every such product; here panels of keys are packed once for many rows of queries, all else is
// read where it lies, and a row's sum runs over the inner dimension in order, wherever the row lies.
#ifndef ESPALIER_TILES_H
#define ESPALIER_TILES_H

#include "lanes.h"

/// A row of a tile: one register of AVX-512, two of AVX2, four of SSE.
typedef float ek_vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/// The most rows of a tile, at the level with the most registers.
enum { MOST_TILE_ROWS = 12 };

#define EK_UNROLLED _Pragma("clang loop unroll(full)")

/// A matrix whose element `(i, k)` lies at `base[i * row + k * column]`.
typedef struct {
    const float *base;
    size_t row, column;
} ek_left;

/// A matrix in vertical panels of 16 columns: `(k, 16 j + l)` lies at `base[k * row + j * panel + l]`.
typedef struct {
    const float *base;
    size_t row, panel;
} ek_right;

/// `c = scale * a * b`, or `c += a * b` where `adds`, for `tile_rows` rows and 16 columns; `c` is row-major.
EK_INLINE void ek_tile(const int tile_rows, ek_left a, const float *b, size_t b_row, float *c, size_t c_row,
                       size_t depth, float scale, const bool adds) {
    ek_vector sums[MOST_TILE_ROWS];
    EK_UNROLLED for (int i = 0; i < tile_rows; i++) sums[i] = (ek_vector){0};
    for (size_t k = 0; k < depth; k++) {
        const ek_vector x = *(const ek_vector *)(b + k * b_row);
        EK_UNROLLED for (int i = 0; i < tile_rows; i++)
            sums[i] += a.base[(size_t)i * a.row + k * a.column] * x;
    }
    EK_UNROLLED for (int i = 0; i < tile_rows; i++) {
        ek_vector *p = (ek_vector *)(c + (size_t)i * c_row);
        *p = adds ? *p + sums[i] : sums[i] * scale;
    }
}

/// The columns behind the last whole panel, one element after the other, in the same order of summation.
EK_INLINE void ek_tile_rest(const int tile_rows, ek_left a, const float *b, size_t b_row, size_t columns, float *c,
                            size_t c_row, size_t depth, float scale, const bool adds) {
    for (int i = 0; i < tile_rows; i++)
        for (size_t j = 0; j < columns; j++) {
            float sum = 0;
            for (size_t k = 0; k < depth; k++) sum += a.base[(size_t)i * a.row + k * a.column] * b[k * b_row + j];
            float *p = c + (size_t)i * c_row + j;
            *p = adds ? *p + sum : sum * scale;
        }
}

/// `c = scale * a * b`, or `c += a * b` where `adds`, for `tile_rows` rows.
EK_INLINE void ek_strip(const int tile_rows, ek_left a, ek_right b, size_t columns, float *c, size_t c_row,
                        size_t depth, float scale, const bool adds) {
    size_t j = 0;
    for (; (j + 1) * LANES <= columns; j++)
        ek_tile(tile_rows, a, b.base + j * b.panel, b.row, c + j * LANES, c_row, depth, scale, adds);
    const float *rest = b.base + j * b.panel;
    ek_tile_rest(tile_rows, a, rest, b.row, columns - j * LANES, c + j * LANES, c_row, depth, scale, adds);
}

/// How many of `remaining` rows the next strip takes, of the sizes for which there is a tile: `most`, half of it, 1.
EK_INLINE size_t ek_strip_rows(const int most, size_t remaining) {
    return remaining >= (size_t)most ? (size_t)most : remaining >= (size_t)most / 2 ? (size_t)most / 2 : 1;
}

/// `ek_strip` of `rows` rows, one of the sizes of `ek_strip_rows`.
EK_INLINE void ek_sized_strip(const int most, size_t rows, ek_left a, ek_right b, size_t columns, float *c,
                              size_t c_row, size_t depth, float scale, const bool adds) {
    if (rows == (size_t)most)
        ek_strip(most, a, b, columns, c, c_row, depth, scale, adds);
    else if (rows == (size_t)most / 2)
        ek_strip(most / 2, a, b, columns, c, c_row, depth, scale, adds);
    else
        ek_strip(1, a, b, columns, c, c_row, depth, scale, adds);
}

/// Packs `rows` rows of `source` `[rows, K]` as the columns of panels: `(k, i)` of the result is `source[i, k]`.
/// Columns behind the last row, up to a whole panel, are zero.
EK_INLINE ek_right ek_packed_transposed(const float *source, size_t rows, size_t K, float *panels) {
    for (size_t start = 0; start < rows; start += LANES, source += LANES * K) {
        float *panel = panels + start * K;
        const size_t count = rows - start < LANES ? rows - start : LANES;
        if (count < LANES) memset(panel, 0, LANES * K * sizeof *panel);
        for (size_t k = 0; k < K; k++)
            for (size_t i = 0; i < count; i++) panel[k * LANES + i] = source[i * K + k];
    }
    return (ek_right){panels, LANES, LANES * K};
}

#endif
