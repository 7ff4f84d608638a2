// Packing of operands; included by each kernel after its definitions:
//
//   PER_UNIT                numbers in a unit
//   UNIT_STEP               the multiple of units to which the depth is padded with zeros
//   TILE_COLUMNS            columns of a panel
//   along(s, i, k)          `GROUP` units of row `i` that are adjacent along the inner dimension, from number `k` on
//   across(s, k, i)         the unit at number `k` of `GROUP` rows or columns from `i` on, of a source whose rows run across

enum {
    /// The bytes by which a row is fetched ahead: rows are read in turn, which the processor does not predict.
    AHEAD = 256,
};

/// The units of a depth.
EK_INLINE size_t units_of(size_t depth) {
    const size_t units = (depth + PER_UNIT - 1) / PER_UNIT;
    return (units + UNIT_STEP - 1) / UNIT_STEP * UNIT_STEP;
}

/// Transposes `GROUP` × `GROUP` units in registers.
EK_INLINE void transpose(ek_units x[GROUP]) {
#if GROUP == 8
    ek_units y[8];
    // Pairs of rows, then pairs of pairs, within halves of vectors, which AVX2 interleaves in one instruction; then the halves.
    EK_UNROLLED for (int i = 0; i < 8; i += 2) {
        y[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        y[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    EK_UNROLLED for (int i = 0; i < 8; i += 4)
        EK_UNROLLED for (int j = 0; j < 2; j++) {
            x[i + 2 * j] = __builtin_shufflevector(y[i + j], y[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            x[i + 2 * j + 1] = __builtin_shufflevector(y[i + j], y[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    EK_UNROLLED for (int i = 0; i < 4; i++) {
        const ek_units low = x[i], high = x[i + 4];
        x[i] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 8, 9, 10, 11);
        x[i + 4] = __builtin_shufflevector(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
    }
#else
    ek_transpose_registers((ek_vector *)x);
#endif
}

/// Reads up to `GROUP` rows or columns from `i` on and up to `GROUP` units from number `k` on; what is absent is zero.
///
/// Along the inner dimension, `x[j]` has the units of row or column `i + j`; across, unit `j` of each.
EK_INLINE void read_part(ek_source s, const bool is_across, size_t i, size_t count, size_t k, size_t depth,
                         ek_units x[GROUP]) {
    float block[GROUP * PER_UNIT * GROUP] = {0};
    const size_t row = is_across ? GROUP : GROUP * PER_UNIT;
    for (size_t a = 0; a < (is_across ? depth : count); a++)
        for (size_t b = 0; b < (is_across ? count : depth); b++) {
            const size_t r = is_across ? k + a : i + a, c = is_across ? i + b : k + b;
            block[a * row + b] = ek_number_at(s, r, c);
        }
    const ek_source whole = {block, row, EK_FLOAT32, false, 0};
    for (size_t j = 0; j < GROUP; j++)
        x[j] = is_across ? across(whole, j * PER_UNIT, 0) : along(whole, j, 0);
}

EK_INLINE void read_group(const ek_source s, const bool is_across, size_t i, size_t count, size_t k, size_t depth,
                          ek_units x[GROUP]) {
    if (count < GROUP || depth < GROUP * PER_UNIT)
        return read_part(s, is_across, i, ek_smaller(count, GROUP), k, ek_smaller(depth, GROUP * PER_UNIT), x);
    const size_t bytes = s.number == EK_FLOAT32 ? 4 : 2;
    EK_UNROLLED for (int j = 0; j < GROUP; j++) {
        const size_t number = k + (size_t)j * PER_UNIT, row = is_across ? number : i + (size_t)j;
        const char *start = ek_address(s, row, is_across ? i : k);
        // The second numbers of pairs are in the next row, or in the next cache line.
        const size_t second = is_across ? s.stride * bytes : GROUP * bytes;
        for (size_t part = 0; part < PER_UNIT; part++) __builtin_prefetch(start + part * second + AHEAD, 0, 2);
        x[j] = is_across ? across(s, number, i) : along(s, row, k);
    }
}

EK_INLINE void pack_left_of(const ek_source s, const bool is_across, size_t rows, size_t depth, uint32_t *strips) {
    const size_t units = units_of(depth);
    // Along the source's rows, so that each cache line is read once.
    const size_t inner = is_across ? rows : units, outer = is_across ? units : rows;
    for (size_t a = 0; a < outer; a += GROUP)
        for (size_t b = 0; b < inner; b += GROUP) {
            const size_t i = is_across ? b : a, u = is_across ? a : b;
            ek_units x[GROUP];
            read_group(s, is_across, i, rows - i, u * PER_UNIT, depth - ek_smaller(depth, u * PER_UNIT), x);
            if (is_across) transpose(x);
            EK_UNROLLED for (int j = 0; j < GROUP; j++)
                *(ek_units *)(strips + (i + (size_t)j) * EK_STRIP_UNITS + u) = x[j];
        }
}

EK_INLINE void pack_right_of(const ek_source s, const bool is_across, size_t depth, size_t columns, uint32_t *panels) {
    const size_t units = units_of(depth);
    const size_t inner = is_across ? columns : units, outer = is_across ? units : columns;
    for (size_t a = 0; a < outer; a += GROUP)
        for (size_t b = 0; b < inner; b += GROUP) {
            const size_t i = is_across ? b : a, u = is_across ? a : b;
            uint32_t *panel = panels + i / TILE_COLUMNS * TILE_COLUMNS * units + i % TILE_COLUMNS;
            ek_units x[GROUP];
            read_group(s, is_across, i, columns - i, u * PER_UNIT, depth - ek_smaller(depth, u * PER_UNIT), x);
            if (!is_across) transpose(x);
            for (size_t j = 0; j < ek_smaller(GROUP, units - u); j++) *(ek_units *)(panel + (u + j) * TILE_COLUMNS) = x[j];
        }
}

// A version for each type and direction, so that reading is a choice of the compiler.
#define EK_EACH_SOURCE(FUNCTION, ...)                                                                              \
    const ek_source f = {s.base, s.stride, EK_FLOAT32, s.is_dithered, s.first},                                    \
                    b = {s.base, s.stride, EK_BFLOAT16, false, 0},                                                 \
                    h = {s.base, s.stride, EK_FLOAT16, s.is_dithered, s.first};                                    \
    if (s.number == EK_FLOAT32)                                                                                    \
        is_across ? FUNCTION(f, true, __VA_ARGS__) : FUNCTION(f, false, __VA_ARGS__);                              \
    else if (s.number == EK_BFLOAT16)                                                                              \
        is_across ? FUNCTION(b, true, __VA_ARGS__) : FUNCTION(b, false, __VA_ARGS__);                              \
    else                                                                                                           \
        is_across ? FUNCTION(h, true, __VA_ARGS__) : FUNCTION(h, false, __VA_ARGS__)

static void pack_left(ek_source s, bool is_across, size_t rows, size_t depth, uint32_t *strips) {
    EK_EACH_SOURCE(pack_left_of, rows, depth, strips);
}

static void pack_right(ek_source s, bool is_across, size_t depth, size_t columns, uint32_t *panels) {
    EK_EACH_SOURCE(pack_right_of, depth, columns, panels);
}
