// Units that are one float32.
enum { PER_UNIT = 1, UNIT_STEP = 1 };

EK_INLINE ek_units along(const void *x, const ek_number number) { return ek_singles(x, number); }

EK_INLINE ek_units across(const ek_source s, size_t k, size_t i) { return ek_singles(ek_address(s, k, i), s.number); }

EK_INLINE VECTOR add_product(VECTOR sum, const uint32_t *a, VECTOR x) { return sum + *(const ek_single *)a * x; }

#include "packing.h"
#include "tile.h"
#include "block.h"
