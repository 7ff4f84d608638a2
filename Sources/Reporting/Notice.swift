internal import Glibc

/// Prints a line on standard error, for messages that are not results.
package func printNotice(_ line: String) {
    // A single call keeps lines of several threads apart. A closed standard error does not end the run.
    let bytes = Array("\(line)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
