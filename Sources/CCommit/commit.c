#include "CCommit.h"

#include <string.h>

// Embedded, so that they are inputs of this object: the compiler runs again when a commit changes them, without git, and
// for nothing else. SwiftPM's `Context.gitInformation` stays that of the first build, since manifests are cached.
#pragma clang diagnostic ignored "-Wc23-extensions"

// A commit, or the branch that refers to it.
static const char head[] = {
#ifdef __has_embed
#if __has_embed("../../.git/HEAD")
#embed "../../.git/HEAD" suffix(, )
#endif
#endif
    0};

// Missing if git has packed it.
static const char branch[] = {
#ifdef __has_embed
#if __has_embed("../../.git/refs/heads/main")
#embed "../../.git/refs/heads/main" suffix(, )
#endif
#endif
    0};

enum { digits = 40 };

static int is_commit(const char *text) { return strspn(text, "0123456789abcdef") == digits; }

const char *ccommit_name(void) {
    static char name[digits + 1];
    const char *found = strcmp(head, "ref: refs/heads/main\n") == 0 ? branch : head;
    if (is_commit(found)) memcpy(name, found, digits);
    return name;
}
