#include "tiles.h"

/// The number of keys that a row of the tile sees.
EK_INLINE size_t visible_keys(const ek_attention_tile *tile, size_t row) {
    const ptrdiff_t visible = tile->first_visible + (ptrdiff_t)(row / tile->R);
    return visible <= 0 ? 0 : (size_t)visible < tile->keys ? (size_t)visible : tile->keys;
}

/// The first row that sees key `key`.
EK_INLINE size_t first_seeing(const ek_attention_tile *tile, size_t key) {
    const ptrdiff_t token = (ptrdiff_t)key + 1 - tile->first_visible;
    return token <= 0 ? 0 : (size_t)token * tile->R;
}

/// `count` rounded up to whole panels.
EK_INLINE size_t whole_panels(size_t count) { return (count + LANES - 1) / LANES * LANES; }

enum {
    /// Elements between rows of scores: includes a panel of zeros after the last key, and is no multiple of 256 bytes,
    /// which would map a column of scores to few cache sets. A constant, for short addressing modes.
    STRIDE = EK_ATTENTION_KEYS + LANES,
    /// Rows whose scores the backward pass keeps at once, which fit the L2 cache together with the keys.
    CHUNK = 96,
};

size_t ek_attention_scratch(size_t K) { return 2 * EK_ATTENTION_KEYS * K + 2 * CHUNK * STRIDE; }

/// Fills the last panel of `x` after its first `count` elements.
EK_INLINE void fill_panel(float *x, size_t count, float value) {
    if (count % LANES == 0) return;
    float *restrict panel = x + count / LANES * LANES;
    for (size_t j = 0; j < LANES; j++) panel[j] = j < count % LANES ? panel[j] : value;
}

/// Replaces `x`, which has whole panels, with `exp(x - maximum)` and returns the sum.
EK_INLINE float exponentiate(float *restrict x, size_t count, float maximum) {
    float lanes[LANES] = {0};
    for (size_t i = 0; i < count; i += LANES)
        for (int j = 0; j < LANES; j++) {
            x[i + j] = ek_exp(x[i + j] - maximum);
            lanes[j] += x[i + j];
        }
    return ek_lane_sum(lanes);
}

/// Runs one step of the online softmax for `rows` rows of scores, the first of which is row `first` of the block.
///
/// Invisible keys in the last panel of a row get a score of minus infinity, which adds nothing.
EK_INLINE void softmax_strip(const ek_attention_tile *tile, size_t first, size_t rows, size_t width, float *scores,
                             float *maximum, float *sum, float *out) {
    for (size_t i = first; i < first + rows; i++, scores += STRIDE) {
        const size_t visible = visible_keys(tile, i), seen = whole_panels(visible);
        if (visible > 0) {
            fill_panel(scores, visible, -INFINITY);
            const float highest = ek_maximum(scores, seen);
            const float before = maximum[i], top = highest > before ? highest : before;
            const float added = exponentiate(scores, seen, top);
            if (top != before) {
                const float correction = ek_exp(before - top);
                float *restrict o = out + i * tile->K;
                for (size_t k = 0; k < tile->K; k++) o[k] *= correction;
                sum[i] *= correction;
            }
            sum[i] += added;
            maximum[i] = top;
        }
        if (seen < width) memset(scores + seen, 0, (width - seen) * sizeof *scores);
    }
}

EK_INLINE void forward(const ek_shape shape, const ek_attention_tile *tile, float *maximum, float *sum, float *out,
                       float *scratch) {
    const size_t K = tile->K;
    const ek_right keys = ek_packed_transposed(tile->key, tile->keys, K, scratch);
    const ek_right values = {tile->value, K, LANES};
    float *scores = scratch + whole_panels(tile->keys) * K;
    for (size_t i = 0, rows; i < tile->rows; i += rows) {
        rows = ek_strip_rows(shape.rows, tile->rows - i);
        const size_t visible = visible_keys(tile, i + rows - 1);
        if (visible == 0) continue;
        const ek_left q = {tile->query + i * K, K, 1}, p = {scores, STRIDE, 1};
        ek_sized_strip(shape, rows, q, keys, whole_panels(visible), scores, STRIDE, K, tile->scale, false);
        softmax_strip(tile, i, rows, visible, scores, maximum, sum, out);
        ek_sized_strip(shape, rows, p, values, K, out + i * K, K, visible, 1, true);
    }
}

/// Turns `rows` rows of scores into probabilities, and `dprobability` into the gradient of the unscaled product; both
/// are zero for one panel after the visible keys.
EK_INLINE void softmax_backward_strip(const ek_attention_tile *tile, size_t first, size_t rows, float *scores,
                                      float *dprobability, const float *log_sum_exp, const float *delta) {
    for (size_t i = first; i < first + rows; i++, scores += STRIDE, dprobability += STRIDE) {
        float *restrict s = scores, *restrict d = dprobability;
        const size_t visible = visible_keys(tile, i), seen = whole_panels(visible);
        const float top = log_sum_exp[i], mean = delta[i], scale = tile->scale;
        fill_panel(s, visible, -INFINITY);
        fill_panel(d, visible, 0);
        for (size_t k = 0; k < seen; k += LANES)
            for (int j = 0; j < LANES; j++) {
                const float p = ek_exp(s[k + j] - top);
                s[k + j] = p;
                d[k + j] = p * (d[k + j] - mean) * scale;
            }
        memset(s + seen, 0, LANES * sizeof *s);
        memset(d + seen, 0, LANES * sizeof *d);
    }
}

/// Adds the contribution of rows `first..<end` to `dkey` and `dvalue`; their probabilities and gradients start at row 0
/// of the scratch memory.
EK_INLINE void key_value_gradients(const ek_shape shape, const ek_attention_tile *tile, size_t first, size_t end,
                                   const float *dout, const float *probability, const float *dscore, float *dkey,
                                   float *dvalue) {
    const size_t K = tile->K;
    for (size_t j = 0, keys; j < tile->keys; j += keys) {
        keys = ek_strip_rows(shape.rows, tile->keys - j);
        // Rows before this one see none of these keys.
        const size_t seeing = first_seeing(tile, j);
        const size_t start = seeing > first ? seeing : first;
        if (start >= end) break;
        const size_t offset = (start - first) * STRIDE + j, depth = end - start;
        const ek_left p = {probability + offset, 1, STRIDE}, ds = {dscore + offset, 1, STRIDE};
        const ek_right dy = {dout + start * K, K, LANES}, q = {tile->query + start * K, K, LANES};
        ek_sized_strip(shape, keys, p, dy, K, dvalue + j * K, K, depth, 1, true);
        ek_sized_strip(shape, keys, ds, q, K, dkey + j * K, K, depth, 1, true);
    }
}

EK_INLINE void backward(const ek_shape shape, const ek_attention_tile *tile, const float *dout,
                        const float *log_sum_exp, const float *delta, float *dquery, float *dkey, float *dvalue,
                        float *scratch) {
    const size_t K = tile->K, panels = whole_panels(tile->keys) * K;
    const ek_right transposed_keys = ek_packed_transposed(tile->key, tile->keys, K, scratch);
    const ek_right transposed_values = ek_packed_transposed(tile->value, tile->keys, K, scratch + panels);
    const ek_right keys = {tile->key, K, LANES};
    float *scores = scratch + 2 * panels, *dscores = scores + CHUNK * STRIDE;
    for (size_t first = 0, end; first < tile->rows; first = end) {
        end = tile->rows - first < CHUNK ? tile->rows : first + CHUNK;
        if (visible_keys(tile, end - 1) == 0) continue;
        for (size_t i = first, rows; i < end; i += rows) {
            rows = ek_strip_rows(shape.rows, end - i);
            const size_t visible = visible_keys(tile, i + rows - 1);
            if (visible == 0) continue;
            float *s = scores + (i - first) * STRIDE, *ds = dscores + (i - first) * STRIDE;
            const size_t columns = whole_panels(visible);
            const ek_left q = {tile->query + i * K, K, 1}, dy = {dout + i * K, K, 1}, left = {ds, STRIDE, 1};
            ek_sized_strip(shape, rows, q, transposed_keys, columns, s, STRIDE, K, tile->scale, false);
            ek_sized_strip(shape, rows, dy, transposed_values, columns, ds, STRIDE, K, 1, false);
            softmax_backward_strip(tile, i, rows, s, ds, log_sum_exp, delta);
            ek_sized_strip(shape, rows, left, keys, K, dquery + i * K, K, visible, 1, true);
        }
        key_value_gradients(shape, tile, first, end, dout, scores, dscores, dkey, dvalue);
    }
}

// Tile shapes use all vector registers: 32 of 64 bytes, 16 of 32, 16 of 16. By default Clang limits x86-64-v4 to
// 256-bit vectors.
#define EK_LEVELS(NAME, PARAMETERS, ...)                                                                        \
    EK_TARGET("arch=x86-64-v4,no-prefer-256-bit") static void NAME##_v4 PARAMETERS {                            \
        NAME((ek_shape){MAX_TILE_ROWS, MAX_TILE_PANELS}, __VA_ARGS__);                                        \
    }                                                                                                           \
    EK_TARGET("arch=x86-64-v3") static void NAME##_v3 PARAMETERS { NAME((ek_shape){6, 1}, __VA_ARGS__); }       \
    static void NAME##_v1 PARAMETERS { NAME((ek_shape){2, 1}, __VA_ARGS__); }                                   \
    void ek_attention_##NAME PARAMETERS {                                                                       \
        const int level = ek_processor_level();                                                                 \
        (level == 4 ? NAME##_v4 : level == 3 ? NAME##_v3 : NAME##_v1)(__VA_ARGS__);                             \
    }

EK_LEVELS(forward, (const ek_attention_tile *tile, float *maximum, float *sum, float *out, float *scratch), tile,
          maximum, sum, out, scratch)

EK_LEVELS(backward,
          (const ek_attention_tile *tile, const float *dout, const float *log_sum_exp, const float *delta,
           float *dquery, float *dkey, float *dvalue, float *scratch),
          tile, dout, log_sum_exp, delta, dquery, dkey, dvalue, scratch)

EK_VERSIONS
void ek_row_dots(const float *a, size_t a_stride, const float *b, size_t b_stride, float *delta, size_t rows,
                 size_t K) {
    for (size_t i = 0; i < rows; i++) delta[i] = ek_dot(a + i * a_stride, b + i * b_stride, K);
}

EK_VERSIONS
void ek_softmax_finish(float *out, size_t stride, size_t rows, size_t K, const float *maximum, const float *sum,
                       float *log_sum_exp) {
    for (size_t i = 0; i < rows; i++) {
        float *restrict o = out + i * stride;
        const float reciprocal = 1.0f / sum[i];
        for (size_t k = 0; k < K; k++) o[k] *= reciprocal;
        log_sum_exp[i] = maximum[i] + logf(sum[i]);
    }
}
