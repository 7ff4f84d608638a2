internal import Formats
package import SystemPackage

/// The lines of a `metrics.jsonl` that a resumed run continues.
package enum MetricsLines {
    /// Checks that every line is a complete record, that steps ascend, and that none is later than the checkpoint's.
    ///
    /// A resumed run appends to these lines unchanged: an invalid line here would be an invalid line of the result.
    ///
    /// - Throws: `FormatError` that names the invalid line.
    package static func check(_ bytes: UnsafeRawBufferPointer, lastStep: Int, of path: FilePath) throws {
        var (start, number, previous) = (0, 1, 0)
        while start < bytes.count {
            func refuse(_ found: String) -> FormatError {
                FormatError(
                    path,
                    "line \(number): expected a record with step, from \(previous) to \(lastStep), found \(found)"
                )
            }
            guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { throw refuse("part of a line") }
            do {
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                guard let step = try StrictJSON.value(of: line).object?["step"] else { throw refuse("none") }
                guard let next = step.wholeNumber, previous <= next, next <= lastStep else { throw refuse(step.line) }
                previous = next
            } catch let fault as JSONFault {
                throw refuse("no JSON: \(fault)")
            }
            (start, number) = (end + 1, number + 1)
        }
    }
}
