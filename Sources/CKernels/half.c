#include "lanes.h"
#include "threshold.h"

// Numbers of 16 bits: bfloat16, the upper half of a float32, and IEEE 754 half precision, float16.

EK_INLINE float ek_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

EK_INLINE uint32_t ek_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

EK_VERSIONS
void ek_dither_bfloat16(const float *restrict x, uint16_t *restrict y, size_t count, size_t first) {
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = ek_bits(x[i]), rounded = (bits + EK_THRESHOLD((uint32_t)(first + i))) >> 16;
        // A number whose nearest one is finite does not become infinite.
        const uint32_t isBeyond = (rounded & 0x7FFFu) == 0x7F80u && (bits & 0x7FFFFFFFu) < 0x7F7F8000u;
        y[i] = (uint16_t)(rounded - isBeyond);
    }
}

EK_VERSIONS
void ek_round_bfloat16(const float *restrict x, uint16_t *restrict y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = ek_bits(x[i]);
        const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
        // Rounding up could turn NaN into infinity or a number: NaN is truncated instead, and made quiet.
        y[i] = (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? (bits >> 16) | 0x40u : rounded);
    }
}

EK_VERSIONS
void ek_add_bfloat16(const uint16_t *restrict x, float *restrict y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += ek_float((uint32_t)x[i] << 16);
}

// The rows that are fetched ahead: a block's row is too short for the processor to predict the next one.
enum { ROWS_AHEAD = 8 };

EK_INLINE void ek_prefetch(const uint16_t *row, size_t count) {
    for (size_t j = 0; j < count; j += 64 / sizeof *row) __builtin_prefetch(row + j, 0, 2);
}

EK_VERSIONS
void ek_widen_bfloat16(const uint16_t *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        const uint16_t *restrict in = x + i * x_stride;
        float *restrict out = y + i * y_stride;
        if (i + ROWS_AHEAD < rows) ek_prefetch(in + ROWS_AHEAD * x_stride, columns);
        for (size_t j = 0; j < columns; j++) out[j] = ek_float((uint32_t)in[j] << 16);
    }
}

// By integers, on every processor: the conversions of F16C would make signaling NaNs quiet, and flush nothing else.
EK_VERSIONS
void ek_widen_float16(const uint16_t *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        const uint16_t *restrict in = x + i * x_stride;
        float *restrict out = y + i * y_stride;
        if (i + ROWS_AHEAD < rows) ek_prefetch(in + ROWS_AHEAD * x_stride, columns);
        for (size_t j = 0; j < columns; j++) {
            const uint32_t sign = (uint32_t)(in[j] & 0x8000u) << 16, magnitude = in[j] & 0x7FFFu;
            const uint32_t normal = (magnitude << 13) + (112u << 23);
            // Infinity and NaN keep an exponent of ones, as wide as the new one.
            const uint32_t large = magnitude >= 0x7C00u ? normal | 0x7F800000u : normal;
            const uint32_t small = ek_bits((float)(int32_t)magnitude * 0x1p-24f);
            out[j] = ek_float(sign | (magnitude < 0x400u ? small : large));
        }
    }
}

EK_VERSIONS
void ek_dither_float16(const float *restrict x, uint16_t *restrict y, size_t count, size_t first) {
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = ek_bits(x[i]), magnitude = bits & 0x7FFFFFFFu, added = EK_THRESHOLD((uint32_t)(first + i));
        const uint32_t normal = (magnitude - (112u << 23) + (added >> 3)) >> 13;
        // Below the smallest normal number the spacing is constant. The fraction alone is added to, so that numbers of
        // the type, which have none, stay.
        const float units = ek_float(magnitude < 0x38800000u ? magnitude : 0) * 0x1p24f;
        const uint32_t whole = (uint32_t)units;
        const uint32_t small = whole + (units - (float)whole + (float)added * 0x1p-16f >= 1.0f);
        const uint32_t largest = magnitude < 0x477FF000u ? 0x7BFFu : 0x7C00u;
        const uint32_t finite = magnitude < 0x38800000u ? small : normal < largest ? normal : largest;
        y[i] = (uint16_t)(((bits >> 16) & 0x8000u) | finite);
    }
}

EK_VERSIONS
size_t ek_round_float16(const float *restrict x, uint16_t *restrict y, size_t count) {
    uint32_t overflows = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = ek_bits(x[i]), magnitude = bits & 0x7FFFFFFFu;
        const uint32_t normal = (magnitude - (112u << 23) + 0xFFFu + ((magnitude >> 13) & 1u)) >> 13;
        // The sum's last place is the smallest float16, so that the addition rounds to it.
        const uint32_t small = ek_bits(ek_float(magnitude) + 0.5f) - ek_bits(0.5f);
        const uint32_t nan = 0x7E00u | ((magnitude >> 13) & 0x3FFu);
        // 65520 is halfway between the largest float16 and the next power of two.
        const uint32_t isLarge = magnitude >= 0x477FF000u, isNaN = magnitude > 0x7F800000u;
        const uint32_t finite = magnitude < 0x38800000u ? small : isLarge ? 0x7C00u : normal;
        overflows += isLarge & (magnitude < 0x7F800000u);
        y[i] = (uint16_t)(((bits >> 16) & 0x8000u) | (isNaN ? nan : finite));
    }
    return overflows;
}
