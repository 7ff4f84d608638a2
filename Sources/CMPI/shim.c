#include "CMPI.h"

#include <mpi.h>
#include <string.h>

_Static_assert(CMPI_SINGLE < CMPI_FUNNELED && CMPI_FUNNELED < CMPI_SERIALIZED && CMPI_SERIALIZED < CMPI_MULTIPLE,
               "levels ascend as MPI's do");

// Pieces of 25 MB reduce about twice as fast as one call over half a gigabyte, which falls out of every cache, and keep
// each count within MPI's int.
enum { PIECE_BYTES = 25 << 20 };

int cmpi_init(void) {
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

void cmpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

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
