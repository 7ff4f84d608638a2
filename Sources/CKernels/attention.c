#include "tiles.h"

/// `x`, limited to `0...most`.
EK_INLINE size_t clamped(ptrdiff_t x, size_t most) { return x <= 0 ? 0 : (size_t)x < most ? (size_t)x : most; }

/// Keys `first..<end` of a tile; empty if they are equal.
typedef struct {
    size_t first, end;
} key_range;

/// The keys that the tokens of rows `first...last` see together: both ends ascend with the row.
EK_INLINE key_range visible_keys(const ek_attention_tile *tile, size_t first, size_t last) {
    const size_t end = clamped(tile->first_visible + (ptrdiff_t)(last / tile->R), tile->keys);
    return (key_range){clamped(tile->first_in_window + (ptrdiff_t)(first / tile->R), end), end};
}

/// The first row that sees key `key` or one after it.
EK_INLINE size_t first_seeing(const ek_attention_tile *tile, size_t key) {
    return clamped((ptrdiff_t)key + 1 - tile->first_visible, tile->rows / tile->R) * tile->R;
}

/// The row after the last one that sees key `key` or one before it.
EK_INLINE size_t end_seeing(const ek_attention_tile *tile, size_t key) {
    return clamped((ptrdiff_t)key + 1 - tile->first_in_window, tile->rows / tile->R) * tile->R;
}

/// `count` rounded up to whole panels.
EK_INLINE size_t whole_panels(size_t count) { return (count + LANES - 1) / LANES * LANES; }

/// The first element of the panel that holds element `index`.
EK_INLINE size_t panel_start(size_t index) { return index / LANES * LANES; }

enum {
    /// Elements between rows of scores: includes a panel of zeros after the last key, and is no multiple of 256 bytes,
    /// which would map a column of scores to few cache sets. A constant, for short addressing modes.
    STRIDE = EK_ATTENTION_KEYS + LANES,
    /// Rows whose scores the backward pass keeps at once, which fit the L2 cache together with the keys.
    CHUNK = 96,
};

size_t ek_attention_scratch(size_t K) { return 2 * EK_ATTENTION_KEYS * K + 2 * CHUNK * STRIDE; }

/// Fills the elements of the panels of `seen` that lie outside it.
EK_INLINE void fill_unseen(float *x, key_range seen, float value) {
    if (seen.first % LANES != 0) {
        float *restrict panel = x + panel_start(seen.first);
        for (size_t j = 0; j < LANES; j++) panel[j] = j < seen.first % LANES ? value : panel[j];
    }
    if (seen.end % LANES != 0) {
        float *restrict panel = x + panel_start(seen.end);
        for (size_t j = 0; j < LANES; j++) panel[j] = j < seen.end % LANES ? panel[j] : value;
    }
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

/// Replaces columns `start..<end` of `rows` rows of `scores`, which are divided by `cap`, with `cap * tanh(score)`.
EK_INLINE void cap_strip(size_t rows, size_t start, size_t end, float *scores, float cap) {
    for (; rows > 0; rows--, scores += STRIDE) {
        float *restrict s = scores;
        for (size_t k = start; k < end; k += LANES)
            for (int j = 0; j < LANES; j++) s[k + j] = cap * ek_tanh(s[k + j]);
    }
}

/// Computes the scores of `rows` rows from row `first` on, in the panels of the keys `seen`.
EK_INLINE void score_strip(const ek_shape shape, const ek_attention_tile *tile, size_t first, size_t rows,
                           key_range seen, ek_right keys, float *scores) {
    const size_t start = panel_start(seen.first), end = whole_panels(seen.end);
    const ek_left q = {tile->query + first * tile->K, tile->K, 1};
    const float scale = tile->cap > 0 ? tile->scale / tile->cap : tile->scale;
    ek_sized_strip(shape, rows, q, ek_drop_panels(keys, start / LANES), end - start, scores + start, STRIDE, tile->K,
                   scale, false);
    if (tile->cap > 0) cap_strip(rows, start, end, scores, tile->cap);
}

/// Runs one step of the online softmax for `rows` rows of scores, the first of which is row `first` of the block; the
/// scores of `strip`, the keys that the rows see together, become probabilities.
///
/// Invisible keys in the first and last panel of a row get a score of minus infinity, which adds nothing.
EK_INLINE void softmax_strip(const ek_attention_tile *tile, size_t first, size_t rows, key_range strip, float *scores,
                             float *maximum, float *sum, float *out) {
    for (size_t i = first; i < first + rows; i++, scores += STRIDE) {
        const key_range seen = visible_keys(tile, i, i);
        const size_t start = panel_start(seen.first), end = whole_panels(seen.end);
        if (seen.first == seen.end) {
            memset(scores + strip.first, 0, (strip.end - strip.first) * sizeof *scores);
            continue;
        }
        fill_unseen(scores, seen, -INFINITY);
        const float highest = ek_maximum(scores + start, end - start);
        const float before = maximum[i], top = highest > before ? highest : before;
        const float added = exponentiate(scores + start, end - start, top);
        if (top != before) {
            const float correction = ek_exp(before - top);
            float *restrict o = out + i * tile->K;
            for (size_t k = 0; k < tile->K; k++) o[k] *= correction;
            sum[i] *= correction;
        }
        sum[i] += added;
        maximum[i] = top;
        if (strip.first < start) memset(scores + strip.first, 0, (start - strip.first) * sizeof *scores);
        if (end < strip.end) memset(scores + end, 0, (strip.end - end) * sizeof *scores);
    }
}

/// The rows of `b` from row `row` on.
EK_INLINE ek_right drop_rows(ek_right b, size_t row) { return (ek_right){b.base + row * b.row, b.row, b.panel}; }

EK_INLINE void attention_forward(const ek_shape shape, const ek_attention_tile *tile, float *maximum, float *sum,
                                 float *out, float *scratch) {
    const size_t K = tile->K;
    const ek_right keys = ek_packed_transposed(tile->key, K, tile->keys, K, scratch);
    const ek_right values = {tile->value, K, LANES};
    float *scores = scratch + whole_panels(tile->keys) * K;
    for (size_t i = 0, rows; i < tile->rows; i += rows) {
        rows = ek_strip_rows(shape.rows, tile->rows - i);
        const key_range seen = visible_keys(tile, i, i + rows - 1);
        if (seen.first == seen.end) continue;
        const ek_left p = {scores + seen.first, STRIDE, 1};
        score_strip(shape, tile, i, rows, seen, keys, scores);
        softmax_strip(tile, i, rows, seen, scores, maximum, sum, out);
        ek_sized_strip(shape, rows, p, drop_rows(values, seen.first), K, out + i * K, K, seen.end - seen.first, 1,
                       true);
    }
}

/// Replaces the scores `s` with probabilities and `d`, the gradient of these, with that of the unscaled product.
///
/// The slope of a capped score `c` is `1 - (c / cap)^2`; that of an invisible key, minus infinity, counts as 0.
EK_INLINE void softmax_backward_row(float *restrict s, float *restrict d, size_t start, size_t end, float top,
                                    float mean, float scale, float cap, const bool caps) {
    const float reciprocal = caps ? 1.0f / cap : 0;
    for (size_t k = start; k < end; k += LANES)
        for (int j = 0; j < LANES; j++) {
            const float p = ek_exp(s[k + j] - top), part = s[k + j] * reciprocal, slope = 1.0f - part * part;
            s[k + j] = p;
            d[k + j] = p * (d[k + j] - mean) * scale;
            if (caps) d[k + j] *= slope > 0 ? slope : 0;
        }
}

/// Replaces the scores of `rows` rows with probabilities and `dprobability` with the gradient of the unscaled product.
///
/// Both are zero for one panel before and one after the panels of the visible keys, where others read them: rows of one
/// strip, and keys that are worked on together, differ by less than a panel in what they see.
EK_INLINE void softmax_backward_strip(const ek_attention_tile *tile, size_t first, size_t rows, float *scores,
                                      float *dprobability, const float *log_sum_exp, const float *delta) {
    for (size_t i = first; i < first + rows; i++, scores += STRIDE, dprobability += STRIDE) {
        float *restrict s = scores, *restrict d = dprobability;
        const key_range seen = visible_keys(tile, i, i);
        const size_t start = panel_start(seen.first), end = whole_panels(seen.end);
        const float top = log_sum_exp[i], mean = delta[i], scale = tile->scale, cap = tile->cap;
        fill_unseen(s, seen, -INFINITY);
        fill_unseen(d, seen, 0);
        if (cap > 0)
            softmax_backward_row(s, d, start, end, top, mean, scale, cap, true);
        else
            softmax_backward_row(s, d, start, end, top, mean, scale, cap, false);
        if (start > 0) {
            memset(s + start - LANES, 0, LANES * sizeof *s);
            memset(d + start - LANES, 0, LANES * sizeof *d);
        }
        memset(s + end, 0, LANES * sizeof *s);
        memset(d + end, 0, LANES * sizeof *d);
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
        // Rows before the one and from the other on see none of these keys.
        const size_t seeing = first_seeing(tile, j), blind = end_seeing(tile, j + keys - 1);
        const size_t start = seeing > first ? seeing : first, stop = blind < end ? blind : end;
        if (start >= end) break;
        if (start >= stop) continue;
        const size_t offset = (start - first) * STRIDE + j, depth = stop - start;
        const ek_left p = {probability + offset, 1, STRIDE}, ds = {dscore + offset, 1, STRIDE};
        const ek_right dy = {dout + start * K, K, LANES}, q = {tile->query + start * K, K, LANES};
        ek_sized_strip(shape, keys, p, dy, K, dvalue + j * K, K, depth, 1, true);
        ek_sized_strip(shape, keys, ds, q, K, dkey + j * K, K, depth, 1, true);
    }
}

EK_INLINE void attention_backward(const ek_shape shape, const ek_attention_tile *tile, const float *dout,
                                  const float *log_sum_exp, const float *delta, float *dquery, float *dkey,
                                  float *dvalue, float *scratch) {
    const size_t K = tile->K, panels = whole_panels(tile->keys) * K;
    const ek_right transposed_keys = ek_packed_transposed(tile->key, K, tile->keys, K, scratch);
    const ek_right transposed_values = ek_packed_transposed(tile->value, K, tile->keys, K, scratch + panels);
    const ek_right keys = {tile->key, K, LANES};
    float *scores = scratch + 2 * panels, *dscores = scores + CHUNK * STRIDE;
    for (size_t first = 0, end; first < tile->rows; first = end) {
        end = tile->rows - first < CHUNK ? tile->rows : first + CHUNK;
        for (size_t i = first, rows; i < end; i += rows) {
            rows = ek_strip_rows(shape.rows, end - i);
            const key_range seen = visible_keys(tile, i, i + rows - 1);
            if (seen.first == seen.end) continue;
            float *s = scores + (i - first) * STRIDE, *ds = dscores + (i - first) * STRIDE;
            const size_t start = panel_start(seen.first), columns = whole_panels(seen.end) - start;
            const ek_left dy = {dout + i * K, K, 1}, left = {ds + seen.first, STRIDE, 1};
            score_strip(shape, tile, i, rows, seen, transposed_keys, s);
            ek_sized_strip(shape, rows, dy, ek_drop_panels(transposed_values, start / LANES), columns, ds + start,
                           STRIDE, K, 1, false);
            softmax_backward_strip(tile, i, rows, s, ds, log_sum_exp, delta);
            ek_sized_strip(shape, rows, left, drop_rows(keys, seen.first), K, dquery + i * K, K,
                           seen.end - seen.first, 1, true);
        }
        key_value_gradients(shape, tile, first, end, dout, scores, dscores, dkey, dvalue);
    }
}

EK_LEVELS(attention_forward, (const ek_attention_tile *tile, float *maximum, float *sum, float *out, float *scratch),
          tile, maximum, sum, out, scratch)

EK_LEVELS(attention_backward,
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
