internal import Configuration
internal import Formats
internal import Foundation
internal import Glibc
internal import Reporting
internal import SystemPackage

/// The directory of a run's event files for TensorBoard: `runs/TIME_HOST` in the output directory, named as Hugging Face's
/// `Trainer` names it.
///
/// Each start of a run has a file of its own, whose name ends with the identity of the start. A resumed run thereby finds
/// its directory, also if it has another name by now. TensorBoard shows a directory as one run.
struct EventDirectory {
    private static let parent = "runs"
    private static let prefix = "events.out.tfevents."

    private let path: FilePath
    private let history: RunHistory

    /// The directory of the run's earlier starts, or a new one.
    ///
    /// - Parameter output: The output directory, which this process has locked.
    init(in output: FilePath, of history: RunHistory, at date: Date = Date()) {
        let runs = output.appending(Self.parent)
        let starts = Set(history.earlier.map(\.run) + [history.run]).subtracting([""])
        let names = Self.entries(of: runs).sorted()
        let own = names.last { name in
            Self.files(in: runs.appending(name)).contains { file in starts.contains { file.hasSuffix(".\($0)") } }
        }
        self.history = history
        path = runs.appending(own ?? Self.newName(at: date, besides: names))
    }

    /// Creates an event file that follows those in the directory in the order of names, in which TensorBoard reads them.
    ///
    /// - Parameter step: The step of the checkpoint that the run continues from, after which events in the directory are
    ///   dropped; nil for a new run.
    func startLog(after step: Int?, at date: Date = Date()) throws -> EventLog {
        try path.makeDirectory()
        let times = Self.files(in: path).compactMap { Int($0.dropFirst(Self.prefix.count).prefix { $0 != "." }) }
        // Ten digits, as every name has them: a file of another origin may have any number.
        let last = times.filter { $0 < 9_999_999_999 }.max() ?? 0
        let time = max(Int(date.timeIntervalSince1970), last + 1)
        let digits = String(repeating: "0", count: max(0, 10 - "\(time)".count)) + "\(time)"
        let name = "\(Self.prefix)\(digits).\(Host.name).\(getpid()).\(history.run)"
        return try EventLog(creating: path.appending(name), from: step.map { $0 + 1 } ?? 0)
    }

    private static func files(in directory: FilePath) -> [String] {
        entries(of: directory).filter { $0.hasPrefix(prefix) }
    }

    private static func entries(of directory: FilePath) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    }

    /// The local time and the host, as `Nov30_14-05-09_node7`, with a number if another run started in that second.
    private static func newName(at date: Date, besides names: [String]) -> String {
        var seconds = time_t(date.timeIntervalSince1970)
        var local = tm()
        localtime_r(&seconds, &local)
        var text = [CChar](repeating: 0, count: 64)
        strftime(&text, text.count, "%b%d_%H-%M-%S", &local)
        let name = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } + "_" + Host.name
        let numbered = (2...).lazy.map { "\(name)_\($0)" }.first { !names.contains($0) } ?? name
        return names.contains(name) ? numbered : name
    }
}

extension ModelDirectory {
    /// Starts an event file with the settings and the model's configuration; nil if the run does not report to TensorBoard.
    ///
    /// - Parameter step: The step of the checkpoint that the run continues from; nil for a new run.
    func startEvents(
        _ configuration: TrainingConfiguration,
        of history: RunHistory?,
        after step: Int?
    ) throws -> EventLog? {
        guard let history, configuration.reportTo.contains(Trackers.tensorBoard) else { return nil }
        let log = try EventDirectory(in: path, of: history).startLog(after: step)
        log.append(text: try configuration.yaml(), tag: "args", step: step ?? 0)
        if let model = try? MappedFile(FilePath(configuration.model).appending("config.json")) {
            let text = model.withBytes { String(decoding: $0, as: UTF8.self) }
            log.append(text: text, tag: "model_config", step: step ?? 0)
        }
        return log
    }
}
