/// Records signals that ask a process to stop, so that it can save first.
#ifndef ESPALIER_CSIGNALS_H
#define ESPALIER_CSIGNALS_H

/// Installs handlers: SIGUSR1, SIGUSR2, SIGTERM and the first SIGINT are recorded and do not end the process; a second
/// SIGINT does.
void csignals_watch(void);
/// The number of the first signal that was recorded; 0 for none.
int csignals_noted(void);

#endif
