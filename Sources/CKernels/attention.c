#include "lanes.h"

EK_INLINE size_t visible_keys(ptrdiff_t first_visible, size_t row, size_t R, size_t keys) {
    const ptrdiff_t visible = first_visible + (ptrdiff_t)(row / R);
    return visible <= 0 ? 0 : ((size_t)visible < keys ? (size_t)visible : keys);
}

/// Replaces `x` by `exp(x - maximum)` and returns the sum.
EK_INLINE float exponentiate(float *restrict x, size_t count, float maximum) {
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) {
            x[i + j] = ek_exp(x[i + j] - maximum);
            lanes[j] += x[i + j];
        }
    for (int j = 0; i < count; i++, j++) {
        x[i] = ek_exp(x[i] - maximum);
        lanes[j] += x[i];
    }
    return ek_lane_sum(lanes);
}

EK_VERSIONS
void ek_softmax_tile(float *scores, size_t stride, ptrdiff_t first_visible, size_t rows, size_t keys, size_t R,
                     float *maximum, float *sum, float *out, size_t K) {
    for (size_t i = 0; i < rows; i++) {
        float *restrict s = scores + i * stride;
        const size_t visible = visible_keys(first_visible, i, R, keys);
        if (visible > 0) {
            const float tile = ek_maximum(s, visible);
            const float top = tile > maximum[i] ? tile : maximum[i];
            const float correction = ek_exp(maximum[i] - top);
            sum[i] = sum[i] * correction + exponentiate(s, visible, top);
            if (correction != 1.0f) {
                float *restrict o = out + i * K;
                for (size_t k = 0; k < K; k++) o[k] *= correction;
            }
            maximum[i] = top;
        }
        memset(s + visible, 0, (keys - visible) * sizeof *s);
    }
}

EK_VERSIONS
void ek_softmax_backward_tile(float *scores, float *dprobability, size_t stride, ptrdiff_t first_visible, size_t rows,
                              size_t keys, size_t R, const float *log_sum_exp, const float *delta, float scale) {
    for (size_t i = 0; i < rows; i++) {
        float *restrict s = scores + i * stride;
        float *restrict d = dprobability + i * stride;
        const size_t visible = visible_keys(first_visible, i, R, keys);
        const float top = log_sum_exp[i], mean = delta[i];
        for (size_t k = 0; k < visible; k++) {
            const float p = ek_exp(s[k] - top);
            s[k] = p;
            d[k] = p * (d[k] - mean) * scale;
        }
        memset(s + visible, 0, (keys - visible) * sizeof *s);
        memset(d + visible, 0, (keys - visible) * sizeof *d);
    }
}

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
