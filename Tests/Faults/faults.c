// The plan of faults and their injection into the calls that calls.c wraps. Preloaded into every rank.
//
// A rank causes a sequence of events, each a line of text: "product", "MPI_Barrier", "write out/metrics.jsonl".
// A fault occurs at the n-th event that matches a pattern, counted from the m-th that matches another.
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_FAULTS = 2048, PATTERN = 256 };

struct fault {
    char action[16], when[8], pattern[PATTERN], since[PATTERN];
    long count, since_count;
    long seen, since_seen;
    bool is_over;
};

static struct fault faults[MOST_FAULTS];
static int fault_count;
static int record = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

// A file next to the plan, opened by a system call, since the wrapped calls are those of the program.
static int open_file(int flags, const char *format, ...) {
    char path[4096];
    const int start = snprintf(path, sizeof path, "%s/", getenv("FAULTS_DIRECTORY"));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + start, sizeof path - (size_t)start, format, arguments);
    va_end(arguments);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0666);
}

// Whether this is the first time, over all starts of the run.
static bool stamp(int line) {
    const int file = open_file(O_CREAT | O_EXCL | O_WRONLY, "fired.%d", line);
    if (file < 0) return false;
    close(file);
    return true;
}

static bool was_stamped(int line) {
    const int file = open_file(O_RDONLY, "fired.%d", line);
    if (file >= 0) close(file);
    return file >= 0;
}

// A line of the plan: rank, action, before or after, pattern, n, the other pattern, m; separated by tabs.
static void read_plan(int own_rank) {
    const int descriptor = open_file(O_RDONLY, "plan");
    FILE *plan = descriptor < 0 ? NULL : fdopen(descriptor, "r");
    if (!plan) return;
    char line[1024];
    for (int number = 0; fgets(line, sizeof line, plan); ++number) {
        if (number >= MOST_FAULTS) abort();
        struct fault *fault = &faults[number];
        int rank;
        const char *format = "%d\t%15[^\t]\t%7[^\t]\t%255[^\t]\t%ld\t%255[^\t]\t%ld";
        const int fields = sscanf(line, format, &rank, fault->action, fault->when, fault->pattern, &fault->count,
                                  fault->since, &fault->since_count);
        if (fields != 7) abort();
        fault->is_over = rank != own_rank || was_stamped(number);
        fault_count = number + 1;
    }
    fclose(plan);
}

__attribute__((constructor)) static void start(void) {
    if (!getenv("FAULTS_DIRECTORY")) return;
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    const int own_rank = rank ? atoi(rank) : 0;
    read_plan(own_rank);
    if (!getenv("FAULTS_RECORD")) return;
    record = open_file(O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, "record.%d", own_rank);
}

void faults_note_clock(void) {
    static bool is_noted;
    if (is_noted) return;
    is_noted = true;
    const int file = open_file(O_CREAT | O_WRONLY, "clock");
    if (file >= 0) close(file);
}

// Handles one event, before or after its call: returns the action that is due and records it; empty if none is.
static const char *due(const char *event, const char *when) {
    const char *action = "";
    for (int number = 0; number < fault_count; ++number) {
        struct fault *fault = &faults[number];
        if (fault->is_over || strcmp(fault->when, when) != 0) continue;
        if (fault->since_seen < fault->since_count) {
            fault->since_seen += fnmatch(fault->since, event, 0) == 0;
            continue;
        }
        if (fnmatch(fault->pattern, event, 0) != 0) continue;
        if (++fault->seen < fault->count || action[0]) continue;
        fault->is_over = true;
        if (stamp(number)) action = fault->action;
    }
    return action;
}

enum outcome faults_event(const char *event, const char *when) {
    if (record < 0 && fault_count == 0) return PROCEED;
    const int before = errno;
    pthread_mutex_lock(&mutex);
    if (record >= 0 && when[0] == 'b') {
        char line[1200];
        const int length = snprintf(line, sizeof line, "%s\n", event);
        syscall(SYS_write, record, line, length);
    }
    const char *action = due(event, when);
    pthread_mutex_unlock(&mutex);
    errno = before;
    if (strcmp(action, "kill") == 0) kill(getpid(), SIGKILL);
    if (strcmp(action, "stop") == 0) kill(getpid(), SIGSTOP);
    if (strcmp(action, "short") == 0) return SHORTEN;
    if (strcmp(action, "flip") == 0) return FLIP;
    const struct { const char *name; int code; } errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EAGAIN", EAGAIN}};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; ++i) {
        if (strcmp(action, errors[i].name) != 0) continue;
        errno = errors[i].code;
        return FAIL;
    }
    return PROCEED;
}
