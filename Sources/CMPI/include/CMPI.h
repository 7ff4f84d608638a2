/// MPI as plain functions, on the world communicator unless another is named.
///
/// No type of `mpi.h` appears here, so that Swift sees the same interface for every implementation. Every function returns
/// 0 or an MPI error code, whose text `cmpi_error_text` provides. Counts are `size_t`; large messages are sent in pieces.
/// After a reduction in place all ranks hold the same bits.
#ifndef ESPALIER_CMPI_H
#define ESPALIER_CMPI_H

#include <stddef.h>
#include <stdint.h>

/// The levels of thread support, in MPI's order.
enum { CMPI_SINGLE = 0, CMPI_FUNNELED = 1, CMPI_SERIALIZED = 2, CMPI_MULTIPLE = 3 };

/// Whether the library is MPICH or has its ABI; Open MPI otherwise.
int cmpi_is_mpich(void);

/// Initializes MPI with a request for `CMPI_MULTIPLE`; errors are returned instead of fatal.
int cmpi_init(void);
/// Sets `level` to the level that MPI granted.
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
/// Gathers `count` values of each rank in rank order; `gathered` is used on the root only.
int cmpi_gather_double(const double *values, size_t count, double *gathered, int root);
/// Sets `leader` to the lowest rank on this rank's host, whose ranks can share memory; all ranks call it.
int cmpi_host_leader(int *leader);
/// Replaces `values` by their sums over the ranks of this rank's host; all ranks call it.
int cmpi_host_sum_int(int *values, size_t count);

// Messages between two ranks, which arrive in the order in which they were sent.

/// Returns when `bytes` may be changed, possibly before they have arrived.
int cmpi_send_bytes(const uint8_t *bytes, size_t count, int peer);
/// Returns when `bytes` holds the next `count` bytes from `peer`.
int cmpi_receive_bytes(uint8_t *bytes, size_t count, int peer);

// Nonblocking calls on a communicator of their own. Channels and requests are MPI's Fortran handles, which are integers.
// Buffers, counts and offsets must stay valid and unchanged until `cmpi_test_any` reports completion; each count fits an
// int.

/// Sets `channel` to a duplicate of the world communicator, for the messages of one thread; all ranks call it.
int cmpi_duplicate(int *channel);
int cmpi_issend(int channel, const void *bytes, size_t count, int peer, int *request);
int cmpi_ireceive(int channel, void *bytes, size_t count, int peer, int *request);
/// Sums `values` over ranks into slices, of which rank `r` receives the one of `counts[r]` elements.
int cmpi_ireduce_scatter_float(int channel, const float *values, float *slice, const int *counts, int *request);
/// Gathers `bytes`, of which rank `r` provides `counts[r]` from `offsets[r]` on.
int cmpi_iallgather(int channel, void *bytes, const int *counts, const int *offsets, int *request);
enum { CMPI_MOST_TESTED = 64 };
/// Lets MPI make progress. Sets `is_done` to whether one of the requests, at most `CMPI_MOST_TESTED`, is complete, and
/// `index` to that one, which is freed.
int cmpi_test_any(const int *requests, int count, int *index, int *is_done);

/// Writes the text of an error code, at most `capacity` bytes including the terminating zero.
void cmpi_error_text(int code, char *text, size_t capacity);
/// The implementation's name and version, valid until the process ends.
const char *cmpi_library_version(void);

#endif
