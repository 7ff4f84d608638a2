#define _GNU_SOURCE
#include "CKernels.h"

#include <time.h>

#if defined(__linux__)
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

int ek_processor_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 4;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 3 : 1;
#else
    return 0;
#endif
}

bool ek_halves_avx512(void) {
#if defined(__x86_64__)
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (ek_processor_level() < 4 || !__get_cpuid(0, &eax, &ebx, &ecx, &edx)) return false;
    if (ebx != signature_AMD_ebx || ecx != signature_AMD_ecx || edx != signature_AMD_edx) return false;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return false;
    // Of AMD's processors with AVX-512 those of family 25 are Zen 4; later ones have the full width.
    const unsigned family = ((eax >> 8) & 0xF) + ((eax >> 20) & 0xFF);
    return family == 25;
#else
    return false;
#endif
}

bool ek_has_avx512_bf16(void) {
#if defined(__x86_64__)
    return ek_processor_level() == 4 && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

bool ek_has_amx_bf16(void) {
#if defined(__x86_64__)
    const unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!ek_has_avx512_bf16() || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
    return (edx & amx_bf16) && (edx & amx_tile);
#else
    return false;
#endif
}

bool ek_may_use_amx_bf16(void) {
#if defined(__x86_64__) && defined(__linux__)
    // ARCH_REQ_XCOMP_PERM for the state component of tile data, since Linux 5.16; a request that was granted once is again.
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return ek_has_amx_bf16() && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return false;
#endif
}

int ek_available_processors(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return 1;
}

void ek_mark_allowed_processors(int *marks) {
    for (int processor = 0; processor < EK_MOST_PROCESSORS; ++processor) marks[processor] = processor == 0;
#if defined(__linux__)
    _Static_assert(EK_MOST_PROCESSORS == CPU_SETSIZE, "a mark for each bit of a set");
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return;
    for (int processor = 0; processor < CPU_SETSIZE; ++processor) marks[processor] = CPU_ISSET(processor, &set) != 0;
#endif
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

uint64_t ek_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double ek_seconds_since_start(void) {
#if defined(__linux__)
    char line[1024];
    FILE *stat = fopen("/proc/self/stat", "r");
    if (!stat) return 0;
    const bool read = fgets(line, sizeof line, stat) != NULL;
    fclose(stat);
    // The program's name, in parentheses, may hold spaces and parentheses; the start is the 20th field after it.
    const char *fields = read ? strrchr(line, ')') : NULL;
    unsigned long long ticks = 0;
    const char *format = ") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu";
    if (!fields || sscanf(fields, format, &ticks) != 1) return 0;
    return seconds(CLOCK_BOOTTIME) - (double)ticks / (double)sysconf(_SC_CLK_TCK);
#else
    return 0;
#endif
}
