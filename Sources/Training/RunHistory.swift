internal import Formats
internal import Foundation
internal import SystemPackage

/// The starts of a run, by which its checkpoints are known from those of other runs in the same directory.
///
/// Every start has a random identity. A start that resumes keeps those before it, each with the step until which its
/// checkpoints led to this one. So what a run left behind when it was resumed from an older checkpoint is not its own
/// either.
struct RunHistory: Codable, Sendable, Equatable {
    /// A start before the present one, and the last of its steps that the run has kept.
    struct Start: Codable, Sendable, Equatable {
        let run: String
        let lastStep: Int

        private enum CodingKeys: String, CodingKey {
            case run
            case lastStep = "last_step"
        }
    }

    /// The file of an output directory that holds the history of its run.
    static let fileName = "espalier-run.json"
    /// Stands for the starts of versions that recorded none.
    private static let unnamed = ""

    /// The identity of the present start.
    let run: String
    /// The starts before it, in order.
    let earlier: [Start]

    /// A start that begins anew, or resumes from a checkpoint.
    init(resuming checkpoint: CheckpointState?) {
        run = UUID().uuidString
        guard let checkpoint else {
            earlier = []
            return
        }
        let former = checkpoint.history
        let last = Start(run: former?.run ?? Self.unnamed, lastStep: checkpoint.run.step)
        earlier = (former?.earlier ?? []) + [last]
    }

    /// Whether the run has written this checkpoint, at this start or before, and has gone on from there.
    func contains(_ checkpoint: CheckpointState) -> Bool {
        let writer = checkpoint.history?.run ?? Self.unnamed
        return writer == run || earlier.contains { $0.run == writer && checkpoint.run.step <= $0.lastStep }
    }

    /// Whether the checkpoint goes back to the same beginning, though the run may have left it behind.
    func sharesBeginning(with checkpoint: CheckpointState) -> Bool {
        beginning == (checkpoint.history?.beginning ?? Self.unnamed)
    }

    private var beginning: String { earlier.first?.run ?? run }

    // MARK: File

    /// Reads the history of a directory's run; nil where none has been recorded.
    ///
    /// - Throws: `FormatError` where the file is damaged.
    init?(of directory: FilePath) throws {
        let path = directory.appending(Self.fileName)
        guard FileManager.default.fileExists(atPath: path.string) else { return nil }
        let history = try MappedFile(path).withBytes { bytes -> RunHistory? in
            guard (try? StrictJSON.value(of: bytes)) != nil else { return nil }
            return try? JSONDecoder().decode(RunHistory.self, from: Data(bytes))
        }
        guard let history else {
            throw FormatError(
                path,
                "expected the identity of a run, found something else; remove it to resume from the newest checkpoint "
                    + "there, or name one with --resume DIR"
            )
        }
        self = history
    }

    /// Makes this the history of a directory's run.
    func write(to directory: FilePath) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let json = String(decoding: try encoder.encode(self), as: UTF8.self)
        try AtomicFile.write(to: directory.appending(Self.fileName)) { try $0.append(json + "\n") }
    }
}
