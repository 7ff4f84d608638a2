internal import Configuration
internal import Formats
internal import Foundation
internal import Glibc
package import Preferences
internal import Reporting
package import SystemPackage

/// The log-probabilities of an unfinished reference pass: a file next to the cache, to which each chunk of examples is
/// appended, so that a killed run loses at most one chunk.
///
/// The first line has the format and the digests of model and data. Records of little-endian numbers follow: the
/// numbers of examples and of tokens (UInt32), the examples (UInt32), log-probabilities (float32), and the SHA-256 of
/// the previous digest and the record, in hexadecimal. Bytes after the last record with a correct digest are damaged
/// or incomplete.
package final class ReferenceJournal {
    private static let format = "espalier-reference-journal 1"
    private static let digestLength = 64

    /// The journal of a cache.
    package static func path(of cache: FilePath) -> FilePath { FilePath(cache.string + ".journal") }

    private let path: FilePath
    private let header: String
    private let dataset: PreferenceDataset
    /// Negative until examples are appended.
    private var descriptor: Int32 = -1
    /// The end of the last valid record, and its digest.
    private var (end, digest) = (0, "")
    /// Whether another process appends to the file, which this one then leaves unchanged.
    private var isForeign = false

    /// The journal of `cache`; nothing is read or written yet.
    package init(of cache: FilePath, _ dataset: PreferenceDataset, modelDigest: String) {
        path = Self.path(of: cache)
        self.dataset = dataset
        header = "\(Self.format) \(modelDigest) \(dataset.digest)\n"
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    // MARK: Reading

    /// The examples that earlier passes stored.
    ///
    /// - Throws: `TrainingError.foreignCache` if it belongs to another model or other data, `FormatError` if it is not
    ///   a journal.
    package func rows() throws -> [ExampleLogps] {
        guard FileManager.default.fileExists(atPath: path.string) else { return [] }
        var found: [ExampleLogps] = []
        _ = try scan { found.append($0) }
        return found
    }

    /// Reads all valid records.
    ///
    /// - Returns: The end of the last valid record, and its digest.
    private func scan(_ body: (ExampleLogps) -> Void) throws -> (end: Int, digest: String) {
        let file = try MappedFile(path)
        try check(file)
        var (end, digest) = (header.utf8.count, header)
        while let (rows, count, next) = file.withBytes(end..<file.count, { record($0, after: digest) }) {
            body(rows)
            (end, digest) = (end + count, next)
        }
        return (end, digest)
    }

    private func check(_ file: MappedFile) throws {
        let line = file.withBytes { bytes in
            String(decoding: bytes.prefix(4096).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
        let words = line.split(separator: " "), expected = header.dropLast().split(separator: " ")
        guard words.count == expected.count, words.prefix(2) == expected.prefix(2), file.count > line.utf8.count else {
            throw FormatError(path, "expected a reference journal of format version 1, found other content; remove it")
        }
        guard words != expected else { return }
        let what = words[2] == expected[2] ? "other data" : "another model, --dtype or --precision"
        throw TrainingError.foreignCache(path: path.string, what: what)
    }

    /// The record at the start of `bytes`, its length and its digest; nil if it is damaged or incomplete.
    private func record(_ bytes: UnsafeRawBufferPointer, after former: String) -> (ExampleLogps, Int, String)? {
        guard bytes.count >= 8 else { return nil }
        func number(_ index: Int) -> Int {
            Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
        }
        let (rowCount, tokenCount) = (number(0), number(1))
        let length = 8 + 4 * rowCount + 4 * tokenCount
        guard bytes.count >= length + Self.digestLength else { return nil }
        let digest = Self.digest(UnsafeRawBufferPointer(rebasing: bytes[..<length]), after: former)
        guard bytes[length..<length + Self.digestLength].elementsEqual(digest.utf8) else { return nil }
        let rows = (0..<rowCount).map { number(2 + $0) }
        guard rows.allSatisfy({ $0 < dataset.count }), dataset.tokenCount(of: rows) == tokenCount else { return nil }
        let tokens = (0..<tokenCount).map { Float(bitPattern: UInt32(number(2 + rowCount + $0))) }
        return (ExampleLogps(dataset, rows: rows, tokens: tokens), length + Self.digestLength, digest)
    }

    private static func digest(_ bytes: UnsafeRawBufferPointer, after former: String) -> String {
        var digest = Digest()
        digest.update(former)
        digest.update(bytes)
        return digest.hexadecimal
    }

    // MARK: Writing

    /// Appends examples and synchronizes them to disk; does nothing if another process appends to the file.
    package func append(_ rows: ExampleLogps) throws {
        if descriptor < 0, !isForeign { try openForAppending() }
        guard descriptor >= 0 else { return }
        let numbers = ([rows.rows.count, rows.tokens.count] + rows.rows).map { UInt32($0).littleEndian }
        var bytes = numbers.withUnsafeBytes { Array($0) }
        bytes += rows.tokens.map(\.bitPattern.littleEndian).withUnsafeBytes { Array($0) }
        let next = bytes.withUnsafeBytes { Self.digest($0, after: digest) }
        bytes += Array(next.utf8)
        try writeAll(bytes, to: descriptor, at: end, of: path)
        guard fsync(descriptor) == 0 else { throw AtomicFile.failure(path) }
        (end, digest) = (end + bytes.count, next)
    }

    /// Opens the file, or creates it, and truncates it after its last valid record.
    private func openForAppending() throws {
        if !FileManager.default.fileExists(atPath: path.string) {
            try AtomicFile.write(to: path) { try $0.append(header) }
        }
        let opened = open(path.string, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
        guard opened >= 0 else { throw AtomicFile.failure(path) }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            close(opened)
            isForeign = true
            return printNotice(
                "warning: \(path): another process appends to it; this one writes its results at the end of the pass"
            )
        }
        descriptor = opened
        (end, digest) = try scan { _ in }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        guard size > end else { return }
        printNotice(
            "warning: \(path): its last \(size - end) bytes are damaged or incomplete; their examples are recomputed"
        )
        guard ftruncate(descriptor, off_t(end)) == 0 else { throw AtomicFile.failure(path) }
    }

    /// Removes the file, whose examples are all in the cache now, unless another process appends to it.
    func remove() {
        let opened = descriptor >= 0 ? descriptor : open(path.string, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
        guard opened >= 0 else { return }
        if descriptor >= 0 || flock(opened, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK { unlink(path.string) }
        close(opened)
        descriptor = -1
    }
}
