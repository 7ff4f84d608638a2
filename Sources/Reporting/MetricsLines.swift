package import Formats
package import SystemPackage

/// The lines of a `metrics.jsonl`.
package enum MetricsLines {
    /// Reads the records in order: each has a step, none of them before that of the record before.
    ///
    /// - Parameter lastStep: The latest step that a record may have.
    /// - Returns: The offset of a last line that is cut, as a killed run or one in progress may leave it; nil if there is none.
    /// - Throws: `FormatError` that names the first other line that is invalid.
    package static func read(
        _ bytes: UnsafeRawBufferPointer,
        lastStep: Int = .max,
        of path: FilePath,
        _ body: (_ step: Int, _ record: [String: JSONValue]) -> Void
    ) throws -> Int? {
        var (start, number, previous) = (0, 1, 0)
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<(end ?? bytes.count)])
            switch record(line, steps: previous...max(previous, lastStep)) {
            case .success(let (step, record)):
                previous = step
                body(step, record)
            case .failure where end == nil: return start
            case .failure(let fault):
                let steps = lastStep == .max ? "from \(previous)" : "from \(previous) to \(lastStep)"
                let expected = "expected a record with step, \(steps), found \(fault.found)"
                throw FormatError(path, "line \(number): \(expected)")
            }
            (start, number) = ((end ?? bytes.count) + 1, number + 1)
        }
        return nil
    }

    /// Checks that every line is a complete record, that steps ascend, and that none is later than the checkpoint's.
    ///
    /// A resumed run appends to these lines unchanged: an invalid line here would be an invalid line of the result.
    ///
    /// - Throws: `FormatError` that names the invalid line.
    package static func check(_ bytes: UnsafeRawBufferPointer, lastStep: Int, of path: FilePath) throws {
        let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        var (count, previous) = (0, 0)
        _ = try read(UnsafeRawBufferPointer(rebasing: bytes[..<end]), lastStep: lastStep, of: path) { step, _ in
            (count, previous) = (count + 1, step)
        }
        guard end == bytes.count else {
            let expected = "expected a record with step, from \(previous) to \(lastStep), found part of a line"
            throw FormatError(path, "line \(count + 1): \(expected)")
        }
    }

    /// What is in place of a record.
    private struct Fault: Error {
        let found: String
    }

    private static func record(
        _ line: UnsafeRawBufferPointer,
        steps: ClosedRange<Int>
    ) -> Result<(step: Int, record: [String: JSONValue]), Fault> {
        do {
            guard let record = try StrictJSON.value(of: line).object, let value = record["step"] else {
                return .failure(Fault(found: "none"))
            }
            guard let step = value.wholeNumber, steps.contains(step) else { return .failure(Fault(found: value.line)) }
            return .success((step, record))
        } catch {
            return .failure(Fault(found: "no JSON: \(error)"))
        }
    }
}
