#define _GNU_SOURCE
#include "CSignals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may use lock-free atomics only");

static atomic_int noted;

// Calls only async-signal-safe functions.
static void note(int number) {
    const int before = errno;
    int none = 0;
    atomic_compare_exchange_strong(&noted, &none, number);
    if (number == SIGINT) {
        static const char text[] = "\ninterrupted: saving after this step; press Ctrl-C again to stop immediately\n";
        signal(SIGINT, SIG_DFL);
        if (write(STDERR_FILENO, text, sizeof text - 1) < 0) errno = before;
    }
    errno = before;
}

void csignals_watch(void) {
    // Interrupted system calls restart: only the flag shows that a signal arrived.
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    const int numbers[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    // A process inherits its parent's blocked signals, which would never be delivered.
    sigset_t watched;
    sigemptyset(&watched);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&watched, numbers[i]);
    }
    sigprocmask(SIG_UNBLOCK, &watched, NULL);
}

int csignals_noted(void) { return atomic_load(&noted); }
