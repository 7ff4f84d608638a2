#include "CKernels.h"
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
void ck_test(float *restrict x, size_t n) { for (size_t i = 0; i < n; i++) x[i] = x[i] * 2.0f + 1.0f; }
