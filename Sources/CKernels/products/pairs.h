// Units that are two bfloat16, on any processor.
enum { PER_UNIT = 2 };

EK_INLINE ek_units along(const void *x, const ek_number number) {
    if (number == EK_BFLOAT16) return *(const ek_units *)x;
    const char *second = (const char *)x + LANES * (number == EK_FLOAT32 ? 4 : 2);
    const ek_halves halves[2] = {__builtin_convertvector(ek_rounded(x, number), ek_halves),
                                 __builtin_convertvector(ek_rounded(second, number), ek_halves)};
    ek_units units;
    memcpy(&units, halves, sizeof units);
    return units;
}

EK_INLINE ek_units across(const ek_source s, size_t k, size_t i) {
    return ek_rounded(ek_address(s, k, i), s.number) | ek_rounded(ek_address(s, k + 1, i), s.number) << 16;
}

/// The number of these bits, or zero if it is subnormal, as the instructions take it.
EK_INLINE float ek_flushed(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return fabsf(value) < 0x1p-126f ? 0 : value;
}

/// The first and the second number of a pair.
EK_INLINE float ek_first(uint32_t pair) { return ek_flushed(pair << 16); }
EK_INLINE float ek_second(uint32_t pair) { return ek_flushed(pair & 0xFFFF0000u); }
