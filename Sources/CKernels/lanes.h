// Shared by the kernels: function versions, a vectorizable exponential, and sums in a fixed order.
#ifndef ESPALIER_LANES_H
#define ESPALIER_LANES_H

#include "CKernels.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define EK_TARGET(level) __attribute__((target(level)))
#else
#define EK_TARGET(level)
#endif

// The resolver that selects a version runs before the thread sanitizer starts and must not be instrumented: with it
// there is one version only.
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define EK_VERSIONS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define EK_VERSIONS
#endif

// Every helper must be inlined into each version of its caller, or it would use baseline instructions.
#define EK_INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };

/// `exp(x)` to 1.5 ulp, as 2^n * polynomial(x - n ln 2), coefficients from Cephes (S. Moshier), evaluated in pairs to
/// shorten the chain of dependent multiplications. Results below the smallest normal number flush to 0, results above
/// 2^127.5 (2.4e38) saturate there; NaN stays NaN.
EK_INLINE float ek_exp(float x) {
    // Adding `rounder` to a small number leaves the nearest integer in the lowest bits.
    const float low = -87.33654f, high = 88.37626f, rounder = 12582912.0f;
    float clamped = x < low ? low : x;
    clamped = clamped > high ? high : clamped;
    const float shifted = clamped * 1.44269504088896341f + rounder;
    const float n = shifted - rounder;
    const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
    const float r2 = r * r;
    const float p5 = 1.9875691500e-4f * r + 1.3981999507e-3f;
    const float p3 = 8.3334519073e-3f * r + 4.1665795894e-2f;
    const float p1 = 1.6666665459e-1f * r + 5.0000001201e-1f;
    const float p = ((p5 * r2 + p3) * r2 + p1) * r2 + (r + 1.0f);
    // 2^n: the shift drops all but the integer. For NaN the power is arbitrary: the product is NaN because `p` is.
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + (127u << 23);
    float power;
    memcpy(&power, &bits, sizeof power);
    return x < low ? 0.0f : p * power;
}

/// `tanh(x)` to 1.4 ulp: near 0 as the odd polynomial of Cephes (S. Moshier), elsewhere as `1 - 2 / (exp(2 |x|) + 1)`
/// with the sign of `x`. NaN stays NaN.
EK_INLINE float ek_tanh(float x) {
    const float a = fabsf(x), z = a * a;
    const float p4 = -5.70498872745e-3f * z + 2.06390887954e-2f;
    const float p = ((p4 * z - 5.37397155531e-2f) * z + 1.33314422036e-1f) * z - 3.33332819422e-1f;
    const float small = p * z * a + a;
    const float large = 1.0f - 2.0f / (ek_exp(2.0f * a) + 1.0f);
    return copysignf(a < 0.625f ? small : large, x);
}

/// `erf(x)` to 1.2 ulp: near 0 as `x + x P(x^2)`, elsewhere as `1 - exp(Q(|x|))` with the sign of `x`. NaN stays NaN.
///
/// `P` minimizes the largest relative error of erf on [0, 0.85] (6e-9), `Q` the largest absolute one on [0.85, 4], after
/// which erf rounds to 1 (3e-9); both were fitted by Lawson's iteration, the coefficients rounded one after the other.
EK_INLINE float ek_erf(float x) {
    const float a = fabsf(x), z = a * a;
    const float p4 = -6.34851865e-4f * z + 5.05770370e-3f;
    const float p = (((p4 * z - 2.68072877e-2f) * z + 1.12828650e-1f) * z - 3.76125902e-1f) * z + 1.28379166e-1f;
    const float small = p * a + a;
    const float c = a > 4.0f ? 4.0f : a;
    const float q4 = 2.15328459e-4f * c - 3.22604971e-3f;
    const float q = ((((q4 * c + 2.29256172e-2f) * c - 1.05317585e-1f) * c - 6.35675907e-1f) * c - 1.12852693f) * c;
    const float large = 1.0f - ek_exp(q);
    return copysignf(a < 0.85f ? small : large, x);
}

EK_INLINE float ek_lane_sum(const float lanes[LANES]) {
    float sums[LANES];
    memcpy(sums, lanes, sizeof sums);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) sums[i] += sums[i + width];
    return sums[0];
}

EK_INLINE float ek_lane_maximum(const float lanes[LANES]) {
    float maxima[LANES];
    memcpy(maxima, lanes, sizeof maxima);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) maxima[i] = maxima[i + width] > maxima[i] ? maxima[i + width] : maxima[i];
    return maxima[0];
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

/// The maximum of `x`, minus infinity if empty. Ignores NaN, which the sums propagate.
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
