/// The commit that the program is built from.
#ifndef ESPALIER_CCOMMIT_H
#define ESPALIER_CCOMMIT_H

/// The 40 digits of the commit that was checked out at the build; empty if it is unknown: outside of a clone, or on a
/// branch other than main.
const char *ccommit_name(void);

#endif
