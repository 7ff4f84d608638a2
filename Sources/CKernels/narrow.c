#include "tiles.h"

enum {
    /// The inner dimension of a block, of which operands fit the caches.
    DEPTH = 256,
};

/// Packs the columns of `b` after its last whole panel, `rest` of them, as a panel that is padded with zeros.
EK_INLINE ek_right packed_rest(ek_right b, size_t rest, size_t depth, float *panel) {
    for (size_t k = 0; k < depth; k++)
        for (size_t l = 0; l < LANES; l++) panel[k * LANES + l] = l < rest ? b.base[k * b.row + l] : 0;
    return (ek_right){panel, LANES, 0};
}

/// Computes `rest` columns by way of a whole tile.
EK_INLINE void narrow_rest(const ek_shape shape, size_t rows, ek_left a, ek_right b, size_t rest, float *c,
                           size_t c_row, size_t depth, float scale, const bool adds) {
    float tile[MAX_TILE_ROWS * LANES];
    ek_sized_strip(shape, rows, a, b, LANES, tile, LANES, depth, scale, false);
    for (size_t i = 0; i < rows; i++)
        for (size_t l = 0; l < rest; l++) c[i * c_row + l] = tile[i * LANES + l] + (adds ? c[i * c_row + l] : 0);
}

EK_INLINE void narrow_block(const ek_shape shape, const ek_narrow *p, size_t first, const bool adds) {
    const size_t depth = p->depth - first < DEPTH ? p->depth - first : DEPTH;
    const size_t panels = p->columns / LANES, rest = p->columns % LANES;
    const ek_right b = {p->b + first * p->b_row, p->b_row, p->b_panel};
    float panel[DEPTH * LANES];
    const ek_right last = rest > 0 ? packed_rest(ek_drop_panels(b, panels), rest, depth, panel) : b;
    for (size_t i = 0, rows; i < p->rows; i += rows) {
        rows = ek_strip_rows(shape.rows, p->rows - i);
        const ek_left a = {p->a + i * p->a_row + first * p->a_column, p->a_row, p->a_column};
        float *c = p->c + i * p->c_row;
        ek_sized_strip(shape, rows, a, b, panels * LANES, c, p->c_row, depth, p->scale, adds);
        if (rest > 0) narrow_rest(shape, rows, a, last, rest, c + panels * LANES, p->c_row, depth, p->scale, adds);
    }
}

EK_INLINE void narrow_product(const ek_shape shape, const ek_narrow *p) {
    for (size_t first = 0; first < p->depth; first += DEPTH)
        if (p->adds || first > 0)
            narrow_block(shape, p, first, true);
        else
            narrow_block(shape, p, first, false);
}

EK_LEVELS(narrow_product, (const ek_narrow *p), p)

EK_VERSIONS
void ek_pack_transposed(const float *source, size_t stride, size_t rows, size_t columns, float *panels) {
    ek_packed_transposed(source, stride, rows, columns, panels);
}
