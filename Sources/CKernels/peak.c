// Fused multiply-adds that only registers and the multipliers of the processor limit: no product is faster.
//
// Accumulators are independent and so many that an addition never waits for the one before it: a multiplier finishes
// after 4 to 6 cycles, and there are at most two (four on other processors than x86-64).
#include "lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// 16 numbers: one register of AVX-512, two of AVX2, four of SSE.
typedef float vector __attribute__((vector_size(4 * LANES)));

enum {
    /// The most accumulators, in vectors of 16 numbers.
    MOST = 24,
    /// What a multiply-add counts: a product and a sum.
    FLOPS = 2,
};

#define UNROLLED _Pragma("clang loop unroll(full)")

/// Computes `x = x / 2 + 1 / 2` for `count` vectors, whose limit is 1: no number overflows or becomes denormal.
EK_INLINE double float32_rounds(const int count, size_t rounds, float *result) {
    vector x[MOST], half, sum = {0};
    UNROLLED for (int j = 0; j < LANES; j++) half[j] = 0.5f;
    UNROLLED for (int i = 0; i < count; i++) x[i] = half * (float)(i + 3);
    for (size_t round = 0; round < rounds; round++) UNROLLED for (int i = 0; i < count; i++) x[i] = x[i] * half + half;
    UNROLLED for (int i = 0; i < count; i++) sum += x[i];
    float lanes[LANES];
    memcpy(lanes, &sum, sizeof lanes);
    *result = ek_lane_sum(lanes);
    return (double)rounds * count * LANES * FLOPS;
}

// As many accumulators as registers leave beside the factor: 24 of 32, 12 of 16, 12 of 16. By default Clang limits
// x86-64-v4 to 256-bit vectors.
#if defined(__x86_64__) && defined(__linux__)
EK_TARGET("arch=x86-64-v4,no-prefer-256-bit") static double float32_v4(size_t rounds, float *result) {
    return float32_rounds(24, rounds, result);
}
EK_TARGET("arch=x86-64-v3") static double float32_v3(size_t rounds, float *result) {
    return float32_rounds(6, rounds, result);
}
static double float32_v1(size_t rounds, float *result) { return float32_rounds(3, rounds, result); }

double ek_peak_float32(size_t rounds, float *result) {
    const int level = ek_processor_level();
    return (level == 4 ? float32_v4 : level == 3 ? float32_v3 : float32_v1)(rounds, result);
}
#else
double ek_peak_float32(size_t rounds, float *result) { return float32_rounds(6, rounds, result); }
#endif

#if defined(__x86_64__)
/// Adds `a b` and `-a b` in turn, so that no sum grows.
__attribute__((target("arch=x86-64-v4,avx512bf16,no-prefer-256-bit"))) double ek_peak_avx512_bf16(size_t rounds,
                                                                                                  float *result) {
    const __m512bh a = (__m512bh)_mm512_set1_epi16(0x3F80);
    const __m512bh b = (__m512bh)_mm512_set1_epi16(0x3F00), c = (__m512bh)_mm512_set1_epi16((short)0xBF00);
    __m512 x[MOST], sum = _mm512_setzero_ps();
    UNROLLED for (int i = 0; i < MOST; i++) x[i] = _mm512_set1_ps((float)(i + 3));
    for (size_t round = 0; round < rounds; round++) {
        UNROLLED for (int i = 0; i < MOST; i++) x[i] = _mm512_dpbf16_ps(x[i], a, b);
        UNROLLED for (int i = 0; i < MOST; i++) x[i] = _mm512_dpbf16_ps(x[i], a, c);
    }
    UNROLLED for (int i = 0; i < MOST; i++) sum = _mm512_add_ps(sum, x[i]);
    *result = _mm512_reduce_add_ps(sum);
    // An instruction adds two products to each of its 16 sums.
    return (double)rounds * 2 * MOST * LANES * 2 * FLOPS;
}
#else
double ek_peak_avx512_bf16(size_t rounds, float *result) {
    (void)rounds;
    *result = 0;
    return 0;
}
#endif
