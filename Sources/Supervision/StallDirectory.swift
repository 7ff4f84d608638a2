internal import Foundation
internal import Glibc
package import SystemPackage

/// The directory through which ranks exchange status records without a communicator.
///
/// It is `stall` in the output directory, on the shared file system, and exists only while some rank waits. Neither it
/// nor its files may be links: nothing is written to, or read from, the target of a link.
package struct StallDirectory: Sendable {
    private static let name = "stall"
    private static let verdict = "verdict"
    /// Every record has this size in bytes, so that one call writes it and a reader sees all of it.
    private static let recordBytes = 512
    let path: FilePath

    /// The directory in `output`.
    package init(in output: FilePath) {
        path = output.appending(Self.name)
    }

    var exists: Bool { access(path.string, F_OK) == 0 }

    /// Creates the directory if it does not exist; other ranks may do so at the same time.
    package func make() { mkdir(path.string, 0o777) }

    /// Removes the directory with all records.
    func remove() { try? FileManager.default.removeItem(atPath: path.string) }

    /// Writes this rank's record.
    ///
    /// A rank that cannot write counts as silent, which is as informative.
    package func write(_ record: StallRecord, rank: Int) {
        guard var bytes = try? JSONEncoder().encode(record), bytes.count < Self.recordBytes else { return }
        bytes += Data(repeating: UInt8(ascii: " "), count: Self.recordBytes - 1 - bytes.count)
        bytes.append(UInt8(ascii: "\n"))
        // Opened for each record: on NFS other hosts see what was written before a close.
        write(bytes, to: file(rank))
    }

    /// The last record of a rank; nil if there is none or it is incomplete.
    package func read(rank: Int) -> StallRecord? {
        open(file(rank), O_RDONLY) { descriptor in
            var bytes = Data(count: Self.recordBytes)
            let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
            return try? JSONDecoder().decode(StallRecord.self, from: bytes.prefix(max(count, 0)))
        } ?? nil
    }

    /// The last records of `ranks`, without those that have none.
    func read(ranks: [Int]) -> [Int: StallRecord] {
        ranks.reduce(into: [:]) { records, rank in records[rank] = read(rank: rank) }
    }

    /// Whether this rank is the first that reports the ranks at fault.
    package func claimVerdict() -> Bool { open(Self.verdict, O_WRONLY | O_CREAT | O_EXCL) { _ in true } ?? false }

    /// Stores the reported verdict.
    package func write(verdict text: String) { write(Data("\(text)\n".utf8), to: Self.verdict) }

    private func write(_ bytes: Data, to name: String) {
        _ = open(name, O_WRONLY | O_CREAT) { descriptor in
            bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }

    /// Opens a file of the directory for `body`; nil if it cannot be opened.
    private func open<R>(_ name: String, _ flags: Int32, _ body: (Int32) -> R) -> R? {
        let directory = Glibc.open(path.string, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard directory >= 0 else { return nil }
        defer { close(directory) }
        // Non-blocking: opening a pipe of that name would wait for its other end.
        let descriptor = openat(directory, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return body(descriptor)
    }

    private func file(_ rank: Int) -> String { "rank-\(rank)" }
}
