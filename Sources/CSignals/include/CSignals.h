/// Signals that ask a process to stop, noted so that it can save first.
#ifndef ESPALIER_CSIGNALS_H
#define ESPALIER_CSIGNALS_H

/// From now on SIGUSR1, SIGUSR2, SIGTERM and the first SIGINT are noted and do not end the process; a second SIGINT does.
void csignals_watch(void);
/// The first of them that came, 0 for none yet.
int csignals_noted(void);

#endif
