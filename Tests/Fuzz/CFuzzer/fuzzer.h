// libFuzzer, which comes with the compiler of the toolchain but has no header.
#include <stddef.h>
#include <stdint.h>

/// Calls `run` repeatedly with inputs, as configured by the arguments; a trap ends the process.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *bytes, size_t count));
