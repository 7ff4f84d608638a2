internal import Glibc

/// Standard input, output and error.
enum StandardStreams {
    /// Opens each of them that is closed on `/dev/null`, so that no other file gets its descriptor and what is printed.
    ///
    /// Opened for the other direction: writing to a closed standard output still fails, and is reported as such.
    static func reserve() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free descriptor, which is this one: those below it are open.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}
