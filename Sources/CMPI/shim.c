#include "CMPI.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// The manifest names the library whose mpi.h pkg-config has found; another one in its place would not link, or not run.
#if defined(ESPALIER_MPICH) && defined(OPEN_MPI)
#error "expected the mpi.h of MPICH, found that of Open MPI; see pkg-config --cflags mpich, or unset ESPALIER_MPI"
#elif !defined(ESPALIER_MPICH) && !defined(OPEN_MPI)
#error "expected the mpi.h of Open MPI, found another; see pkg-config --cflags ompi-c, or set ESPALIER_MPI=mpich"
#endif

_Static_assert(CMPI_SINGLE < CMPI_FUNNELED && CMPI_FUNNELED < CMPI_SERIALIZED && CMPI_SERIALIZED < CMPI_MULTIPLE,
               "levels ascend in MPI's order");

// Pieces of 25 MiB reduce about twice as fast as one call over half a gigabyte, which exceeds every cache, and keep each
// count within MPI's int.
enum { PIECE_BYTES = 25 << 20 };

// If ranks of a host may not read each other's memory, Open MPI 4 copies messages through shared memory in fragments of
// 32 KiB, and moves few of them per progress call. With fragments of 256 KiB it is as fast as reading directly. They are
// allocated from 4 MiB per rank, as before, which holds too few of 512 KiB. A value set by the user is kept.
static void enlarge_fragments(void) { setenv("OMPI_MCA_btl_vader_max_send_size", "262144", 0); }

int cmpi_is_mpich(void) {
#ifdef ESPALIER_MPICH
    return 1;
#else
    return 0;
#endif
}

int cmpi_init(void) {
    enlarge_fragments();
    int granted = MPI_THREAD_SINGLE;
    const int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &granted);
    return code == MPI_SUCCESS ? MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN) : code;
}

int cmpi_thread_level(int *level) {
    int granted = MPI_THREAD_SINGLE;
    const int code = MPI_Query_thread(&granted);
    if (granted >= MPI_THREAD_MULTIPLE) *level = CMPI_MULTIPLE;
    else if (granted >= MPI_THREAD_SERIALIZED) *level = CMPI_SERIALIZED;
    else *level = granted >= MPI_THREAD_FUNNELED ? CMPI_FUNNELED : CMPI_SINGLE;
    return code;
}

int cmpi_finalize(void) { return MPI_Finalize(); }

#ifdef ESPALIER_MPICH
static int is_unread(int pipe) {
    struct stat kind;
    int bytes = 0;
    return fstat(pipe, &kind) == 0 && S_ISFIFO(kind.st_mode) && ioctl(pipe, FIONREAD, &bytes) == 0 && bytes > 0;
}

static void sleep_milliseconds(int count) {
    const struct timespec duration = {0, count * 1000000L};
    nanosleep(&duration, NULL);
}

// When a rank aborts, hydra discards what it has not forwarded, such as the reason: waits until it has read that, for at
// most a second, and for its way from this host's proxy to mpiexec.
static void await_launcher(void) {
    for (int turn = 0; turn < 100 && (is_unread(STDOUT_FILENO) || is_unread(STDERR_FILENO)); turn++) sleep_milliseconds(10);
    sleep_milliseconds(100);
}
#else
static void await_launcher(void) {}
#endif

void cmpi_abort(int code) {
    await_launcher();
    MPI_Abort(MPI_COMM_WORLD, code);
}

int cmpi_rank(int *rank) { return MPI_Comm_rank(MPI_COMM_WORLD, rank); }

int cmpi_size(int *size) { return MPI_Comm_size(MPI_COMM_WORLD, size); }

int cmpi_barrier(void) { return MPI_Barrier(MPI_COMM_WORLD); }

static int allreduce(void *values, size_t count, MPI_Datatype type, size_t width, MPI_Op operation) {
    const size_t piece = PIECE_BYTES / width;
    for (size_t start = 0; start < count; start += piece) {
        const size_t length = count - start < piece ? count - start : piece;
        const int code = MPI_Allreduce(MPI_IN_PLACE, (char *)values + start * width, (int)length, type, operation,
                                       MPI_COMM_WORLD);
        if (code != MPI_SUCCESS) return code;
    }
    return MPI_SUCCESS;
}

int cmpi_allreduce_sum_float(float *values, size_t count) {
    return allreduce(values, count, MPI_FLOAT, sizeof *values, MPI_SUM);
}

int cmpi_allreduce_sum_double(double *values, size_t count) {
    return allreduce(values, count, MPI_DOUBLE, sizeof *values, MPI_SUM);
}

int cmpi_allreduce_max_double(double *values, size_t count) {
    return allreduce(values, count, MPI_DOUBLE, sizeof *values, MPI_MAX);
}

int cmpi_broadcast_bytes(uint8_t *bytes, size_t count, int root) {
    for (size_t start = 0; start < count; start += PIECE_BYTES) {
        const size_t length = count - start < PIECE_BYTES ? count - start : PIECE_BYTES;
        const int code = MPI_Bcast(bytes + start, (int)length, MPI_BYTE, root, MPI_COMM_WORLD);
        if (code != MPI_SUCCESS) return code;
    }
    return MPI_SUCCESS;
}

int cmpi_gather_double(const double *values, size_t count, double *gathered, int root) {
    if (count > PIECE_BYTES / sizeof *values) return MPI_ERR_COUNT;
    return MPI_Gather(values, (int)count, MPI_DOUBLE, gathered, (int)count, MPI_DOUBLE, root, MPI_COMM_WORLD);
}

static int reduce_on_host(int *values, int count, MPI_Op operation) {
    MPI_Comm host;
    int code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    if (code != MPI_SUCCESS) return code;
    code = MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_INT, operation, host);
    const int freed = MPI_Comm_free(&host);
    return code == MPI_SUCCESS ? freed : code;
}

int cmpi_host_leader(int *leader) {
    const int code = cmpi_rank(leader);
    return code == MPI_SUCCESS ? reduce_on_host(leader, 1, MPI_MIN) : code;
}

int cmpi_host_sum_int(int *values, size_t count) {
    return count > INT_MAX ? MPI_ERR_COUNT : reduce_on_host(values, (int)count, MPI_SUM);
}

int cmpi_send_bytes(const uint8_t *bytes, size_t count, int peer) {
    for (size_t start = 0; start < count; start += PIECE_BYTES) {
        const size_t length = count - start < PIECE_BYTES ? count - start : PIECE_BYTES;
        const int code = MPI_Send(bytes + start, (int)length, MPI_BYTE, peer, 0, MPI_COMM_WORLD);
        if (code != MPI_SUCCESS) return code;
    }
    return MPI_SUCCESS;
}

int cmpi_receive_bytes(uint8_t *bytes, size_t count, int peer) {
    for (size_t start = 0; start < count; start += PIECE_BYTES) {
        const size_t length = count - start < PIECE_BYTES ? count - start : PIECE_BYTES;
        const int code = MPI_Recv(bytes + start, (int)length, MPI_BYTE, peer, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS) return code;
    }
    return MPI_SUCCESS;
}

int cmpi_duplicate(int *channel) {
    MPI_Comm copy;
    const int code = MPI_Comm_dup(MPI_COMM_WORLD, &copy);
    if (code == MPI_SUCCESS) *channel = MPI_Comm_c2f(copy);
    return code;
}

int cmpi_issend(int channel, const void *bytes, size_t count, int peer, int *request) {
    if (count > INT_MAX) return MPI_ERR_COUNT;
    MPI_Request sent = MPI_REQUEST_NULL;
    const int code = MPI_Issend(bytes, (int)count, MPI_BYTE, peer, 0, MPI_Comm_f2c(channel), &sent);
    *request = MPI_Request_c2f(sent);
    return code;
}

int cmpi_ireceive(int channel, void *bytes, size_t count, int peer, int *request) {
    if (count > INT_MAX) return MPI_ERR_COUNT;
    MPI_Request received = MPI_REQUEST_NULL;
    const int code = MPI_Irecv(bytes, (int)count, MPI_BYTE, peer, 0, MPI_Comm_f2c(channel), &received);
    *request = MPI_Request_c2f(received);
    return code;
}

int cmpi_ireduce_scatter_float(int channel, const float *values, float *slice, const int *counts, int *request) {
    MPI_Request reduced = MPI_REQUEST_NULL;
    const int code = MPI_Ireduce_scatter(values, slice, counts, MPI_FLOAT, MPI_SUM, MPI_Comm_f2c(channel), &reduced);
    *request = MPI_Request_c2f(reduced);
    return code;
}

int cmpi_iallgather(int channel, void *bytes, const int *counts, const int *offsets, int *request) {
    MPI_Request gathered = MPI_REQUEST_NULL;
    const int code = MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, bytes, counts, offsets, MPI_BYTE,
                                     MPI_Comm_f2c(channel), &gathered);
    *request = MPI_Request_c2f(gathered);
    return code;
}

int cmpi_test_any(const int *requests, int count, int *index, int *is_done) {
    MPI_Request tested[CMPI_MOST_TESTED];
    if (count > CMPI_MOST_TESTED) return MPI_ERR_COUNT;
    for (int i = 0; i < count; i++) tested[i] = MPI_Request_f2c(requests[i]);
    return MPI_Testany(count, tested, index, is_done, MPI_STATUS_IGNORE);
}

void cmpi_error_text(int code, char *text, size_t capacity) {
    char full[MPI_MAX_ERROR_STRING] = "unknown MPI error";
    int length = 0;
    if (MPI_Error_string(code, full, &length) != MPI_SUCCESS) strcpy(full, "unknown MPI error");
    strncpy(text, full, capacity - 1);
    text[capacity - 1] = '\0';
}

const char *cmpi_library_version(void) {
    static char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    if (version[0] == '\0') MPI_Get_library_version(version, &length);
    return version;
}
