#include "lanes.h"

/// Rotates the pairs `(a[i], a[i + half])`.
EK_INLINE void rotate_halves(const float *restrict a, float *restrict b, const float *restrict c,
                             const float *restrict s, float direction, size_t half) {
    for (size_t i = 0; i < half; i++) {
        const float sine = direction * s[i];
        b[i] = a[i] * c[i] - a[i + half] * sine;
        b[i + half] = a[i + half] * c[i] + a[i] * sine;
    }
}

/// Rotates the pairs `(a[2 i], a[2 i + 1])`.
EK_INLINE void rotate_neighbours(const float *restrict a, float *restrict b, const float *restrict c,
                                 const float *restrict s, float direction, size_t half) {
    for (size_t i = 0; i < half; i++) {
        const float sine = direction * s[i];
        b[2 * i] = a[2 * i] * c[i] - a[2 * i + 1] * sine;
        b[2 * i + 1] = a[2 * i + 1] * c[i] + a[2 * i] * sine;
    }
}

EK_VERSIONS
void ek_rotate(const float *in, size_t in_stride, float *out, size_t out_stride, const int32_t *positions,
               const float *cosines, const float *sines, size_t rotated, bool neighbours, float direction, size_t T,
               size_t heads, size_t K) {
    const size_t half = rotated / 2;
    for (size_t t = 0; t < T; t++) {
        const float *c = cosines + (size_t)positions[t] * half;
        const float *s = sines + (size_t)positions[t] * half;
        for (size_t h = 0; h < heads; h++) {
            const float *a = in + t * in_stride + h * K;
            float *b = out + t * out_stride + h * K;
            if (neighbours)
                rotate_neighbours(a, b, c, s, direction, half);
            else
                rotate_halves(a, b, c, s, direction, half);
            if (rotated < K) memcpy(b + rotated, a + rotated, (K - rotated) * sizeof *b);
        }
    }
}
