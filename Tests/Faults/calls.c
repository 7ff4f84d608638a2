// The calls of a rank that are events: BLAS products, MPI, threads, and calls that change files below FAULTS_ROOT.
#define _GNU_SOURCE
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// The function that this library wraps.
#define REAL(name) ({                                   \
    static void *address;                               \
    if (!address) address = dlsym(RTLD_NEXT, #name);    \
    if (!address) abort();                              \
    (__typeof__(&name))address;                         \
})

// --- Computing and communicating ---

enum { TRANSPOSED = 112 };

// The weight of the last product: in the forward pass the right operand, transposed.
static uint32_t *weight;

static void flip_weight(void) {
    if (weight) *weight ^= 1u << 12;
}

void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc) {
    if (transB == TRANSPOSED) weight = (uint32_t *)b;
    if (faults_event("product", "before") == FLIP) flip_weight();
    REAL(cblas_sgemm)(order, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    faults_event("product", "after");
}

// Every argument is an integer or an address. A function takes at most nine; the values of unused ones are arbitrary
// and passed through.
#define MPI_CALL(kind, name)                                                                    \
    int name(long a, long b, long c, long d, long e, long f, long g, long h, long i) {          \
        if (faults_event(kind " " #name, "before") == FLIP) flip_weight();                      \
        const int code = REAL(name)(a, b, c, d, e, f, g, h, i);                                 \
        faults_event(kind " " #name, "after");                                                  \
        return code;                                                                            \
    }

// All ranks call these in the same order.
MPI_CALL("collective", MPI_Allreduce)
MPI_CALL("collective", MPI_Barrier)
MPI_CALL("collective", MPI_Bcast)
MPI_CALL("collective", MPI_Gather)
// These may be called by another thread while the rank computes, or by some ranks only.
MPI_CALL("message", MPI_Send)
MPI_CALL("message", MPI_Recv)
MPI_CALL("message", MPI_Irecv)
MPI_CALL("message", MPI_Iallreduce)
MPI_CALL("message", MPI_Iallgatherv)
MPI_CALL("message", MPI_Ireduce_scatter)

// A copy of float32 values with one flipped bit, as after a fault in transit: the middle one is multiplied or divided
// by 16. The completion of the transfer is not observed, so the copy is never freed.
static long changed(long message, size_t bytes) {
    uint32_t *copy = malloc(bytes);
    if (!copy) abort();
    memcpy(copy, (const void *)message, bytes);
    copy[bytes / sizeof *copy / 2] ^= 1u << 25;
    return (long)copy;
}

int MPI_Issend(long message, int bytes, long c, long d, long e, long f, long g) {
    if (faults_event("message MPI_Issend", "before") == FLIP) message = changed(message, (size_t)bytes);
    const int code = REAL(MPI_Issend)(message, bytes, c, d, e, f, g);
    faults_event("message MPI_Issend", "after");
    return code;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *context) {
    if (faults_event("pthread_create", "before") == FAIL) return errno;
    return REAL(pthread_create)(thread, attributes, body, context);
}

// --- Files ---

// "CALL PATH", with the path relative to FAULTS_ROOT; false if it is not below it.
static bool name_event(char *event, size_t size, const char *call, const char *path) {
    const char *root = getenv("FAULTS_ROOT");
    if (!root || !path || strncmp(path, root, strlen(root)) != 0 || path[strlen(root)] != '/') return false;
    snprintf(event, size, "%s %s", call, path + strlen(root) + 1);
    return true;
}

static enum outcome path_event(const char *call, const char *path, const char *when) {
    char event[1100];
    return name_event(event, sizeof event, call, path) ? faults_event(event, when) : PROCEED;
}

static enum outcome file_event(const char *call, int file, const char *when) {
    char link[32], path[1024];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return PROCEED;
    path[length] = '\0';
    return path_event(call, path, when);
}

// The body of a call that fails with -1: `event` is called before and after it.
#define CALL(event, call) ({                        \
    long result = -1;                               \
    if (event("before") != FAIL) {                  \
        result = (long)(call);                      \
        const int code = errno;                     \
        if (event("after") == FAIL) result = -1;    \
        else errno = code;                          \
    }                                               \
    result;                                         \
})

#define OPEN(name)                                                                              \
    int name(const char *path, int flags, ...) {                                                \
        va_list arguments;                                                                      \
        va_start(arguments, flags);                                                             \
        const mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;    \
        va_end(arguments);                                                                      \
        if ((flags & O_ACCMODE) == O_RDONLY) return REAL(name)(path, flags, mode);              \
        if (path_event("open", path, "before") == FAIL) return -1;                              \
        return REAL(name)(path, flags, mode);                                                   \
    }

OPEN(open)
OPEN(open64)

// A complete write, or half of it if planned; -1 if it fails.
#define WRITE(call)                                                         \
    const enum outcome outcome = file_event("write", file, "before");       \
    if (outcome == FAIL) return -1;                                         \
    if (outcome == FLIP) flip_weight();                                     \
    if (outcome == SHORTEN && count > 1) count /= 2;                        \
    const ssize_t written = call;                                           \
    const int code = errno;                                                 \
    file_event("write", file, "after");                                     \
    errno = code;                                                           \
    return written;

ssize_t write(int file, const void *bytes, size_t count) { WRITE(REAL(write)(file, bytes, count)) }

ssize_t pwrite(int file, const void *bytes, size_t count, off_t place) {
    WRITE(REAL(pwrite)(file, bytes, count, place))
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t place) {
    WRITE(REAL(pwrite64)(file, bytes, count, place))
}

int fsync(int file) {
#define EVENT(when) file_event("fsync", file, when)
    return (int)CALL(EVENT, REAL(fsync)(file));
#undef EVENT
}

int ftruncate(int file, off_t length) {
#define EVENT(when) file_event("ftruncate", file, when)
    return (int)CALL(EVENT, REAL(ftruncate)(file, length));
#undef EVENT
}

int posix_fallocate(int file, off_t start, off_t length) {
    if (file_event("fallocate", file, "before") == FAIL) return errno;
    return REAL(posix_fallocate)(file, start, length);
}

// An event is named after the path that is created or removed.
#define PATH_CALL(name, parameters, arguments)                      \
    int name parameters {                                           \
        return (int)CALL(EVENT_##name, REAL(name) arguments);       \
    }

#define EVENT_rename(when) path_event("rename", to, when)
#define EVENT_link(when) path_event("link", to, when)
#define EVENT_symlink(when) path_event("symlink", to, when)
#define EVENT_mkdir(when) path_event("mkdir", path, when)
#define EVENT_unlink(when) path_event("unlink", path, when)
#define EVENT_rmdir(when) path_event("rmdir", path, when)

PATH_CALL(rename, (const char *from, const char *to), (from, to))
PATH_CALL(link, (const char *from, const char *to), (from, to))
PATH_CALL(symlink, (const char *from, const char *to), (from, to))
PATH_CALL(mkdir, (const char *path, mode_t mode), (path, mode))
PATH_CALL(unlink, (const char *path), (path))
PATH_CALL(rmdir, (const char *path), (path))

// --- The time of day, which jumps with each call if FAULTS_CLOCK is set ---

static time_t jump(void) {
    static unsigned calls;
    const time_t jumps[] = {0, 86400, -3 * 86400, 400 * 86400, -60};
    if (!getenv("FAULTS_CLOCK")) return 0;
    faults_note_clock();
    return jumps[__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) % (sizeof jumps / sizeof *jumps)];
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    const int code = REAL(clock_gettime)(clock, now);
    if (code == 0 && clock == CLOCK_REALTIME) now->tv_sec += jump();
    return code;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    const int code = REAL(gettimeofday)(now, zone);
    if (code == 0) now->tv_sec += jump();
    return code;
}

time_t time(time_t *place) {
    const time_t now = REAL(time)(NULL) + jump();
    if (place) *place = now;
    return now;
}
