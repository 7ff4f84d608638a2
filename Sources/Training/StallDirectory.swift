internal import Foundation
internal import Glibc
internal import SystemPackage

/// Where ranks leave word of what they last did, for a watchdog that needs no communicator.
///
/// It is `stall` in the output directory, on the file system that they share, and there only once some rank waits.
struct StallDirectory: Sendable {
    private static let name = "stall"
    /// A word fills this many bytes, so that it is written by one call and read whole.
    private static let recordBytes = 512
    let path: FilePath

    /// The one in `output`.
    init(in output: FilePath) {
        path = output.appending(Self.name)
    }

    var exists: Bool { access(path.string, F_OK) == 0 }

    /// Makes it, if it is missing and can be made; others may be doing the same.
    func make() { mkdir(path.string, 0o777) }

    /// Removes it with all words.
    func remove() { try? FileManager.default.removeItem(atPath: path.string) }

    /// Leaves this rank's word.
    ///
    /// Where that cannot be done the rank counts as silent, which says as much.
    func write(_ record: StallRecord, rank: Int) {
        guard var bytes = try? JSONEncoder().encode(record), bytes.count < Self.recordBytes else { return }
        bytes += Data(repeating: UInt8(ascii: " "), count: Self.recordBytes - 1 - bytes.count)
        bytes.append(UInt8(ascii: "\n"))
        // Opened each time: other hosts see on NFS what was written before a close.
        let descriptor = open(file(rank), O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { return }
        _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        close(descriptor)
    }

    /// A rank's last word; nil where there is none, or a part of one.
    func read(rank: Int) -> StallRecord? {
        let descriptor = open(file(rank), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = Data(count: Self.recordBytes)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return try? JSONDecoder().decode(StallRecord.self, from: bytes.prefix(max(count, 0)))
    }

    /// The last words of those ranks that have left one.
    func read(ranks: [Int]) -> [Int: StallRecord] {
        ranks.reduce(into: [:]) { words, rank in words[rank] = read(rank: rank) }
    }

    /// Whether this rank is the first that comes to tell which ranks are at fault.
    func claimVerdict() -> Bool {
        let descriptor = open(verdict, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }

    /// Keeps what was told.
    func write(verdict text: String) { try? "\(text)\n".write(toFile: verdict, atomically: false, encoding: .utf8) }

    private var verdict: String { path.appending("verdict").string }

    private func file(_ rank: Int) -> String { path.appending("rank-\(rank)").string }
}
