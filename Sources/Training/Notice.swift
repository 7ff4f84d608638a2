internal import Foundation

/// Tells people what is not a result of the run, in a line on standard error.
func tell(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
}
