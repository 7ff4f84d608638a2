internal import Foundation
package import SystemPackage

/// An event file of TensorBoard: the numbers of `metrics.jsonl` under the tags of Hugging Face's `Trainer`.
///
/// Every record is in the file when it has been appended, so that an open TensorBoard shows it. A full disk does not end
/// a run: events stay in memory until they can be written.
package final class EventLog {
    private let file: GrowingFile
    private let now: () -> Double

    /// Creates a file, which must not exist.
    ///
    /// - Parameters:
    ///   - step: The first step that is written. TensorBoard drops events of this step and of later ones in earlier files of
    ///     the directory, if they have such a step too.
    ///   - now: The present time, in seconds since 1970.
    /// - Throws: `FileError` if it cannot be created.
    package init(
        creating path: FilePath,
        from step: Int,
        now: @escaping () -> Double = { Date().timeIntervalSince1970 }
    ) throws {
        (file, self.now) = (try GrowingFile(creating: path), now)
        append(.version(wallTime: now()))
        append(.start(at: step, wallTime: now()))
    }

    /// Appends the numbers of a record; those that are not finite stay visible, as marks in the chart.
    package func append(_ record: MetricsRecord) {
        let numbers = record.numbers
        guard let step = numbers.first(where: { $0.key == "step" }) else {
            preconditionFailure("a record of metrics has a step")
        }
        let values = numbers.filter { $0.key != "step" }.map { (tag: Self.tag($0.key), value: $0.value) }
        append(.scalars(values, step: Int(step.value), wallTime: now()))
    }

    /// Appends a text, whose lines TensorBoard shows as they are.
    package func append(text: String, tag: String, step: Int) {
        // Markdown shows indented lines as code.
        let code = text.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }
        append(.text(code.joined(separator: "\n"), tag: tag, step: step, wallTime: now()))
    }

    /// Writes the events in memory, or reports that they are lost: `metrics.jsonl` has their numbers.
    package func finish() {
        do {
            try file.flush()
        } catch {
            printNotice("warning: the last events are not written; metrics.jsonl has their values: \(error)")
        }
    }

    /// The tag of a metric, as the callback of Hugging Face's `Trainer` for TensorBoard forms it.
    static func tag(_ metric: String) -> String {
        for group in ["eval", "test"] where metric.hasPrefix(group + "_") {
            return group + "/" + metric.dropFirst(group.count + 1)
        }
        return "train/" + metric
    }

    private func append(_ event: TensorBoardEvent) { file.append(event.record) }
}
