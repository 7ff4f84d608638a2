internal import Formats
package import SystemPackage

/// The lines of a `metrics.jsonl` from which a run goes on.
package enum MetricsLines {
    /// Checks that every line is a whole record, that steps ascend, and that none is later than the checkpoint's.
    ///
    /// A run adds its own lines to them as they are: what is no record here would be none in the result.
    ///
    /// - Throws: `FormatError` with the line at fault.
    package static func check(_ bytes: UnsafeRawBufferPointer, lastStep: Int, of path: FilePath) throws {
        var (start, number, former) = (0, 1, 0)
        while start < bytes.count {
            func refuse(_ found: String) -> FormatError {
                FormatError(
                    path,
                    "line \(number): expected a record with step, from \(former) to \(lastStep), found \(found)"
                )
            }
            guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { throw refuse("part of a line") }
            do {
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                guard let step = try StrictJSON.value(of: line).object?["step"] else { throw refuse("none") }
                guard let next = step.wholeNumber, former <= next, next <= lastStep else { throw refuse(step.line) }
                former = next
            } catch let fault as JSONFault {
                throw refuse("no JSON: \(fault)")
            }
            (start, number) = (end + 1, number + 1)
        }
    }
}
