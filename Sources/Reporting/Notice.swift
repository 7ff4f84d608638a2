internal import Glibc

/// Tells people what is not a result of the run, in a line on standard error.
package func printNotice(_ line: String) {
    // One call, so that lines of several threads do not mix; where nobody can be told, the run goes on.
    let bytes = Array("\(line)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
