/// MPI as plain functions over the world communicator.
///
/// No type of `mpi.h` appears here, so that Swift sees one interface whichever implementation is installed. Every
/// function returns 0 or an MPI error code, whose text `cmpi_error_text` gives. Counts are `size_t`; large ones go in
/// pieces inside. Where a value is reduced in place, all ranks receive the same bits.
#ifndef ESPALIER_CMPI_H
#define ESPALIER_CMPI_H

#include <stddef.h>
#include <stdint.h>

/// How many threads may call MPI, in the order of MPI's own levels.
enum { CMPI_SINGLE = 0, CMPI_FUNNELED = 1, CMPI_SERIALIZED = 2, CMPI_MULTIPLE = 3 };

/// Starts MPI, asking for `CMPI_MULTIPLE`, with errors returned instead of fatal.
int cmpi_init(void);
/// `level` receives what MPI granted.
int cmpi_thread_level(int *level);
int cmpi_finalize(void);
/// Ends all ranks of the job with `code`; does not return.
void cmpi_abort(int code);

int cmpi_rank(int *rank);
int cmpi_size(int *size);
int cmpi_barrier(void);

int cmpi_allreduce_sum_float(float *values, size_t count);
int cmpi_allreduce_sum_double(double *values, size_t count);
int cmpi_allreduce_max_double(double *values, size_t count);
int cmpi_broadcast_bytes(uint8_t *bytes, size_t count, int root);
/// `gathered` receives `count` values of each rank in rank order on the root, and is not read elsewhere.
int cmpi_gather_double(const double *values, size_t count, double *gathered, int root);

/// Writes the text of an error code, at most `capacity` bytes with the final zero.
void cmpi_error_text(int code, char *text, size_t capacity);
/// The implementation's name and version, valid for the life of the process.
const char *cmpi_library_version(void);

#endif
