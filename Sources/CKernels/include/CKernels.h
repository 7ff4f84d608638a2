#pragma once
#include <stddef.h>
void ck_test(float *restrict x, size_t n);
