// What the kernels share: function versions, a vectorizable exponential, and sums in a fixed order.
#ifndef ESPALIER_LANES_H
#define ESPALIER_LANES_H

#include "CKernels.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define EK_VERSIONS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define EK_VERSIONS
#endif

// Every helper must be inlined into each version of its caller, or it would keep the baseline's instructions.
#define EK_INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };

/// `exp(x)` to 1.5 ulp, by 2^n * polynomial(x - n ln 2), coefficients from Cephes (S. Moshier). Results below the
/// smallest normal number become 0, those above the largest the largest; NaN stays NaN.
EK_INLINE float ek_exp(float x) {
    const float low = -87.33654f, high = 88.72283f, rounder = 12582912.0f;
    float clamped = x < low ? low : x;
    clamped = clamped > high ? high : clamped;
    float n = (clamped * 1.44269504088896341f + rounder) - rounder;
    n = n > 127.0f ? 127.0f : n;
    float r = clamped - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = (p * r) * r + r + 1.0f;
    // A NaN may convert to any integer: the product below is NaN all the same, since `p` is.
    int32_t bits = ((int32_t)(n == n ? n : 0.0f) + 127) * (1 << 23);
    float power;
    memcpy(&power, &bits, sizeof power);
    return x < low ? 0.0f : p * power;
}

EK_INLINE float ek_lane_sum(const float lanes[LANES]) {
    float sums[LANES];
    memcpy(sums, lanes, sizeof sums);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) sums[i] += sums[i + width];
    return sums[0];
}

EK_INLINE float ek_lane_maximum(const float lanes[LANES]) {
    float maximum = lanes[0];
    for (int i = 1; i < LANES; i++) maximum = lanes[i] > maximum ? lanes[i] : maximum;
    return maximum;
}

/// The sum of `a[i] * b[i]`.
EK_INLINE float ek_dot(const float *restrict a, const float *restrict b, size_t count) {
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] += a[i + j] * b[i + j];
    for (int j = 0; i < count; i++, j++) lanes[j] += a[i] * b[i];
    return ek_lane_sum(lanes);
}

/// The largest of `x`; minus infinity where there is none. NaN is left to the sums, which carry it on.
EK_INLINE float ek_maximum(const float *restrict x, size_t count) {
    float lanes[LANES];
    for (int j = 0; j < LANES; j++) lanes[j] = -INFINITY;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    for (int j = 0; i < count; i++, j++) lanes[j] = x[i] > lanes[j] ? x[i] : lanes[j];
    return ek_lane_maximum(lanes);
}

#endif
