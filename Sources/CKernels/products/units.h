// What the kernels of products share: packed units, vectors, and reading numbers of any type.
//
// A packed operand consists of units of 32 bits: a float32, or a pair of bfloat16 that are adjacent along the inner
// dimension. The left operand is packed as rows of units, unless it consists of them already, the right one as panels of
// columns, unit by unit, so that a tile of the result reads both in order:
//
//   left    element (i, u) at strips[i * EK_STRIP_UNITS + u]
//   right   element (u, j) at panels[j / N * N * units + u * N + j % N], for panels of N columns
#ifndef ESPALIER_UNITS_H
#define ESPALIER_UNITS_H

#include "../threshold.h"
#include "functions.h"

// Vectors are never passed in memory or registers here: all functions are inlined.
#pragma clang diagnostic ignored "-Wpsabi"

/// The units that are packed at once, `GROUP` rows of them, which a kernel may define to be 8: no more than registers hold.
#ifndef GROUP
#define GROUP 16
#endif

/// `GROUP` units, as integers and as float32, and so many halves of them.
typedef uint32_t ek_units __attribute__((vector_size(4 * GROUP), aligned(4), may_alias));
typedef float ek_values __attribute__((vector_size(4 * GROUP), aligned(4), may_alias));
typedef uint16_t ek_halves __attribute__((vector_size(2 * GROUP), aligned(2), may_alias));
typedef float ek_single __attribute__((aligned(4), may_alias));

EK_INLINE size_t ek_smaller(size_t a, size_t b) { return a < b ? a : b; }

/// The address of a number of a source.
EK_INLINE const void *ek_address(ek_source s, size_t row, size_t column) {
    return (const char *)s.base + (row * s.stride + column) * (s.number == EK_FLOAT32 ? 4 : 2);
}

EK_INLINE ek_units ek_widened(const void *x) { return __builtin_convertvector(*(const ek_halves *)x, ek_units); }

/// `GROUP` numbers as float32, exactly.
EK_INLINE ek_units ek_singles(const void *x, const ek_number number) {
    if (number == EK_FLOAT32) return *(const ek_units *)x;
    if (number == EK_BFLOAT16) return ek_widened(x) << 16;
    const ek_units bits = ek_widened(x), magnitude = bits & 0x7FFFu, normal = (magnitude << 13) + (112u << 23);
    const ek_units isLarge = (ek_units)(magnitude >= 0x7C00u), isSmall = (ek_units)(magnitude < 0x400u);
    const ek_units small = (ek_units)(__builtin_convertvector(magnitude, ek_values) * 0x1p-24f);
    // Infinity and NaN keep an exponent of ones, as wide as the new one.
    return (bits & 0x8000u) << 16 | (small & isSmall) | ((normal | (isLarge & 0x7F800000u)) & ~isSmall);
}

/// Numbers of float32 as numbers of bfloat16, each up or down by the threshold of its index.
///
/// Those that are in the range of the largest bfloat16 or beyond stay, so that none becomes infinite, and NaN does not
/// become a number.
EK_INLINE ek_units ek_dithered(ek_units bits, ek_units index) {
    const ek_units rounded = (bits + EK_THRESHOLD(index)) & 0xFFFF0000u;
    const ek_units isLarge = (ek_units)((bits & 0x7FFFFFFFu) >= 0x7F7F0000u);
    return (rounded & ~isLarge) | (bits & isLarge);
}

/// `GROUP` numbers of a row as float32; those that are dithered as numbers of bfloat16.
EK_INLINE ek_units ek_numbers(const ek_source s, size_t row, size_t column) {
    const ek_units x = ek_singles(ek_address(s, row, column), s.number);
    if (!s.is_dithered) return x;
    ek_units order;
    EK_UNROLLED for (int j = 0; j < GROUP; j++) order[j] = (uint32_t)j;
    return ek_dithered(x, (uint32_t)(s.first + row * s.stride + column) + order);
}

/// One number of a source as `ek_numbers` reads it.
EK_INLINE float ek_number_at(const ek_source s, size_t row, size_t column) {
    const void *x = ek_address(s, row, column);
    float y;
    if (s.number == EK_FLOAT32)
        y = *(const ek_single *)x;
    else
        s.number == EK_BFLOAT16 ? ek_widen_bfloat16(x, 1, &y, 1, 1, 1) : ek_widen_float16(x, 1, &y, 1, 1, 1);
    if (!s.is_dithered) return y;
    ek_units bits = {0}, index = {(uint32_t)(s.first + row * s.stride + column)};
    memcpy(&bits, &y, sizeof y);
    bits = ek_dithered(bits, index);
    memcpy(&y, &bits, sizeof y);
    return y;
}

#endif
