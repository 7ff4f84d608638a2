// Units that are two bfloat16, on any processor.
enum { PER_UNIT = 2 };

/// `GROUP` numbers of a row as bfloat16 in the lower halves, rounded to nearest, ties to even, if they are not dithered; NaN stays
/// NaN, and subnormal float32 becomes zero, as by the instruction.
EK_INLINE ek_units ek_rounded(const ek_source s, size_t row, size_t column) {
    if (s.number == EK_BFLOAT16) return ek_widened(ek_address(s, row, column));
    const ek_units stored = ek_numbers(s, row, column);
    const ek_units isSubnormal = (ek_units)((stored & 0x7F800000u) == 0);
    const ek_units bits = stored & (~isSubnormal | 0x80000000u);
    const ek_units rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    const ek_units isNaN = (ek_units)((bits & 0x7FFFFFFFu) > 0x7F800000u);
    return (rounded & ~isNaN) | (((bits >> 16) | 0x40u) & isNaN);
}

EK_INLINE ek_units along(const ek_source s, size_t i, size_t k) {
    if (s.number == EK_BFLOAT16) return *(const ek_units *)ek_address(s, i, k);
    const ek_halves halves[2] = {__builtin_convertvector(ek_rounded(s, i, k), ek_halves),
                                 __builtin_convertvector(ek_rounded(s, i, k + GROUP), ek_halves)};
    ek_units units;
    memcpy(&units, halves, sizeof units);
    return units;
}

EK_INLINE ek_units across(const ek_source s, size_t k, size_t i) {
    return ek_rounded(s, k, i) | ek_rounded(s, k + 1, i) << 16;
}

/// A number, or zero of its sign if it is subnormal: what the instructions read and write.
EK_INLINE float ek_flushed(float value) { return fabsf(value) < 0x1p-126f ? copysignf(0, value) : value; }

EK_INLINE float ek_number_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return ek_flushed(value);
}

/// The first and the second number of a pair.
EK_INLINE float ek_first(uint32_t pair) { return ek_number_of(pair << 16); }
EK_INLINE float ek_second(uint32_t pair) { return ek_number_of(pair & 0xFFFF0000u); }

/// `a b + sum`, rounded once.
EK_INLINE float ek_fused(float a, float b, float sum) { return ek_flushed(fmaf(a, b, ek_flushed(sum))); }
