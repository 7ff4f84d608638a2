internal import Foundation
internal import Glibc
package import SystemPackage

/// Where ranks leave word of what they last did, for a watchdog that needs no communicator.
///
/// It is `stall` in the output directory, on the file system that they share, and there only once some rank waits. Neither
/// it nor a file in it may be a link: nothing is written to, or read from, where a link points to.
package struct StallDirectory: Sendable {
    private static let name = "stall"
    private static let verdict = "verdict"
    /// A word fills this many bytes, so that it is written by one call and read whole.
    private static let recordBytes = 512
    let path: FilePath

    /// The one in `output`.
    package init(in output: FilePath) {
        path = output.appending(Self.name)
    }

    var exists: Bool { access(path.string, F_OK) == 0 }

    /// Makes it, if it is missing and can be made; others may be doing the same.
    package func make() { mkdir(path.string, 0o777) }

    /// Removes it with all words.
    func remove() { try? FileManager.default.removeItem(atPath: path.string) }

    /// Leaves this rank's word.
    ///
    /// Where that cannot be done the rank counts as silent, which says as much.
    package func write(_ record: StallRecord, rank: Int) {
        guard var bytes = try? JSONEncoder().encode(record), bytes.count < Self.recordBytes else { return }
        bytes += Data(repeating: UInt8(ascii: " "), count: Self.recordBytes - 1 - bytes.count)
        bytes.append(UInt8(ascii: "\n"))
        // Opened each time: other hosts see on NFS what was written before a close.
        write(bytes, to: file(rank))
    }

    /// A rank's last word; nil where there is none, or a part of one.
    package func read(rank: Int) -> StallRecord? {
        open(file(rank), O_RDONLY) { descriptor in
            var bytes = Data(count: Self.recordBytes)
            let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
            return try? JSONDecoder().decode(StallRecord.self, from: bytes.prefix(max(count, 0)))
        } ?? nil
    }

    /// The last words of those ranks that have left one.
    func read(ranks: [Int]) -> [Int: StallRecord] {
        ranks.reduce(into: [:]) { words, rank in words[rank] = read(rank: rank) }
    }

    /// Whether this rank is the first that comes to tell which ranks are at fault.
    package func claimVerdict() -> Bool { open(Self.verdict, O_WRONLY | O_CREAT | O_EXCL) { _ in true } ?? false }

    /// Keeps what was told.
    package func write(verdict text: String) { write(Data("\(text)\n".utf8), to: Self.verdict) }

    private func write(_ bytes: Data, to name: String) {
        _ = open(name, O_WRONLY | O_CREAT) { descriptor in
            bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }

    /// Opens a file of the directory for `body`; nil where it cannot be opened.
    private func open<R>(_ name: String, _ flags: Int32, _ body: (Int32) -> R) -> R? {
        let directory = Glibc.open(path.string, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard directory >= 0 else { return nil }
        defer { close(directory) }
        // Not blocking: a pipe of that name would otherwise wait for its other end.
        let descriptor = openat(directory, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return body(descriptor)
    }

    private func file(_ rank: Int) -> String { "rank-\(rank)" }
}
