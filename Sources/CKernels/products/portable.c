#include "functions.h"
#include "units.h"

typedef float VECTOR __attribute__((vector_size(16), aligned(4), may_alias));
enum { TILE_ROWS = 2, TILE_COLUMNS = 16, BLOCK_COLUMNS = EK_BLOCK_COLUMNS, BLOCK_UNITS = EK_BLOCK_UNITS };
#include "singles.h"

const ek_product_functions ek_portable_product = EK_PRODUCT_FUNCTIONS;
