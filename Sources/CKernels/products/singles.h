// Units that are one float32.
enum { PER_UNIT = 1, UNIT_STEP = 1 };

EK_INLINE ek_units along(const ek_source s, size_t i, size_t k) { return ek_numbers(s, i, k); }

EK_INLINE ek_units across(const ek_source s, size_t k, size_t i) { return ek_numbers(s, k, i); }

EK_INLINE VECTOR add_product(VECTOR sum, const uint32_t *a, VECTOR x) { return sum + *(const ek_single *)a * x; }

#include "packing.h"
#include "tile.h"
#include "block.h"
