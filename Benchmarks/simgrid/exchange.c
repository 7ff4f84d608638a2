// Sends the messages of one bucket of the given size there and back, as the collective `halving` does, with arbitrary
// content: Sources/Collectives/StagedExchange.swift and Channel+Messages.swift. For SimGrid's SMPI; see validate.py.

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIECE = 48 << 10, WINDOW = 16, MOST_STAGES = 32, UNIT = 4 * 4096 };

// All messages use the same buffer, whose content is never read.
static char nothing[PIECE];

static int piece_count(long bytes) { return (int)((bytes + PIECE - 1) / PIECE); }

static int piece_size(long bytes, int number) {
    const long rest = bytes - (long)number * PIECE;
    return (int)(rest < PIECE ? rest : PIECE);
}

// Sends `outgoing[p]` bytes to each other member `p` of a group, and receives `incoming[p]` bytes from it.
static void pass(const int *members, int size, int place, const long *outgoing, const long *incoming) {
    int arriving = 0, sent = 0, most = 0, total = 0;
    for (int s = 1; s < size; s++) {
        total += piece_count(incoming[(place + size - s) % size]);
        const int count = piece_count(outgoing[(place + s) % size]);
        most = count > most ? count : most;
    }
    MPI_Request *received = malloc((size_t)(total + 1) * sizeof *received), window[WINDOW];
    for (int s = 1; s < size; s++) {
        const int from = (place + size - s) % size;
        for (int number = 0; number < piece_count(incoming[from]); number++)
            MPI_Irecv(nothing, piece_size(incoming[from], number), MPI_BYTE, members[from], 0, MPI_COMM_WORLD,
                      &received[arriving++]);
    }
    for (int number = 0; number < most; number++)
        for (int s = 1; s < size; s++) {
            const int to = (place + s) % size;
            if (number >= piece_count(outgoing[to])) continue;
            int slot = sent++;
            if (slot >= WINDOW) MPI_Waitany(WINDOW, window, &slot, MPI_STATUS_IGNORE);
            MPI_Issend(nothing, piece_size(outgoing[to], number), MPI_BYTE, members[to], 0, MPI_COMM_WORLD,
                       &window[slot]);
        }
    MPI_Waitall(sent < WINDOW ? sent : WINDOW, window, MPI_STATUSES_IGNORE);
    MPI_Waitall(arriving, received, MPI_STATUSES_IGNORE);
    free(received);
}

// Sets the sizes of the groups of each stage; returns the number of stages.
static int stages(int nodes, int *sizes) {
    int count = 0;
    for (; nodes % 2 == 0; nodes /= 2) sizes[count++] = 2;
    if (nodes > 1) sizes[count++] = nodes;
    return count;
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    int rank, nodes;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &nodes);
    if (argc != 2) return 2;
    int sizes[MOST_STAGES], distances[MOST_STAGES];
    const int count = stages(nodes, sizes);
    // The number of units of each stage, divided over its members as evenly as possible.
    long wholes[MOST_STAGES];
    long units = atol(argv[1]) / UNIT;
    int *members = malloc((size_t)nodes * sizeof *members);
    long *parts = malloc((size_t)nodes * sizeof *parts), *own = malloc((size_t)nodes * sizeof *own);
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    for (int pass_number = 0, distance = 1; pass_number < 2 * count; pass_number++) {
        const int gathers = pass_number >= count, stage = gathers ? 2 * count - 1 - pass_number : pass_number;
        const int size = sizes[stage];
        if (!gathers) {
            wholes[stage] = units;
            distances[stage] = distance;
        }
        const int place = rank / distances[stage] % size;
        for (int other = 0; other < size; other++) {
            members[other] = rank + (other - place) * distances[stage];
            parts[other] = (wholes[stage] * (other + 1) / size - wholes[stage] * other / size) * UNIT;
        }
        for (int other = 0; other < size; other++) own[other] = parts[place];
        pass(members, size, place, gathers ? own : parts, gathers ? parts : own);
        if (!gathers) {
            units = parts[place] / UNIT;
            distance *= size;
        }
    }
    double seconds = MPI_Wtime() - start, slowest;
    MPI_Reduce(&seconds, &slowest, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    if (rank == 0) printf("%.9f\n", slowest);
    free(members);
    free(parts);
    free(own);
    MPI_Finalize();
    return 0;
}
