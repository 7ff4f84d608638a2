// libFuzzer, which comes with the toolchain's compiler and has no header of its own.
#include <stddef.h>
#include <stdint.h>

/// Calls `run` with one input after the other, as the arguments say; ends the process at the first that traps.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *bytes, size_t count));
