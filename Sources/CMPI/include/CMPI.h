/// MPI as plain functions, over the world communicator where no other is named.
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
/// `leader` receives the lowest rank on this rank's host, whose ranks can share memory; all ranks call it.
int cmpi_host_leader(int *leader);
/// Replaces `values` by their sums over the ranks of this rank's host; all ranks call it.
int cmpi_host_sum_int(int *values, size_t count);

// Messages between two ranks; those from one to another arrive in order.

/// Returns when `bytes` may be changed again, which may be before they have arrived.
int cmpi_send_bytes(const uint8_t *bytes, size_t count, int peer);
/// Returns when `bytes` holds what `peer` has sent: as many.
int cmpi_receive_bytes(uint8_t *bytes, size_t count, int peer);

// Calls that return at once, on a communicator of their own. Channels and requests are MPI's handles for Fortran, which
// are numbers. Memory that is given, counts and offsets included, stays as it is until `cmpi_test_any` says so; each
// count is within an int.

/// `channel` receives a communicator for one thread's messages, apart from all others; all ranks call it.
int cmpi_duplicate(int *channel);
int cmpi_issend(int channel, const void *bytes, size_t count, int peer, int *request);
int cmpi_ireceive(int channel, void *bytes, size_t count, int peer, int *request);
/// `slice` receives the sums over ranks of this rank's part of `values`, where rank `r` has `counts[r]` elements.
int cmpi_ireduce_scatter_float(int channel, const float *values, float *slice, const int *counts, int *request);
/// Completes `values`, of which rank `r` gives `counts[r]` elements from `offsets[r]` on.
int cmpi_iallgather_float(int channel, float *values, const int *counts, const int *offsets, int *request);
enum { CMPI_MOST_TESTED = 64 };
/// Lets MPI make progress; `is_done` receives whether one of the requests, at most `CMPI_MOST_TESTED`, is complete and so
/// no more, and `index` which.
int cmpi_test_any(const int *requests, int count, int *index, int *is_done);

/// Writes the text of an error code, at most `capacity` bytes with the final zero.
void cmpi_error_text(int code, char *text, size_t capacity);
/// The implementation's name and version, valid for the life of the process.
const char *cmpi_library_version(void);

#endif
