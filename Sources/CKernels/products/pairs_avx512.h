// Units that are two bfloat16, by AVX512-BF16.
#include <immintrin.h>

enum { PER_UNIT = 2 };

/// 32 numbers from two vectors of float32, the lower ones first. The instruction replaces subnormal numbers by zero.
EK_INLINE ek_units rounded(ek_units low, ek_units high) {
    return (ek_units)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

EK_INLINE ek_units along(const ek_source s, size_t i, size_t k) {
    if (s.number == EK_BFLOAT16) return *(const ek_units *)ek_address(s, i, k);
    return rounded(ek_numbers(s, i, k), ek_numbers(s, i, k + GROUP));
}

EK_INLINE ek_units across(const ek_source s, size_t k, size_t i) {
    if (s.number == EK_BFLOAT16)
        return ek_widened(ek_address(s, k, i)) | ek_widened(ek_address(s, k + 1, i)) << 16;
    // Each number of the first row, then that of the second one.
    static const uint16_t order[2 * GROUP] __attribute__((aligned(64))) = {
        0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const ek_units both = rounded(ek_numbers(s, k, i), ek_numbers(s, k + 1, i));
    return (ek_units)_mm512_permutexvar_epi16(*(const __m512i *)order, (__m512i)both);
}
