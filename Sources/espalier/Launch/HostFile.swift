internal import Formats
internal import SystemPackage

/// A host file for mpirun: one name per line, optionally with `slots=N`.
struct HostFile {
    /// The hosts in order of their first line.
    private(set) var names: [String] = []
    private var slots: [String: Int] = [:]
    private let path: FilePath

    /// Reads a file such as that of PBS, which repeats a host for each slot.
    ///
    /// - Throws: `FormatError` for a file that cannot be read, names no host, or has an invalid number of slots.
    init(_ path: FilePath) throws {
        self.path = path
        let text = try MappedFile(path).withBytes { String(decoding: $0, as: UTF8.self) }
        var repeats: [String: Int] = [:]
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: { $0.isNewline })
        for (index, line) in lines.enumerated() {
            let content = line.prefix(while: { $0 != "#" })
            let words = content.split(whereSeparator: { $0.isWhitespace }).map { String($0) }
            guard let name = words.first else { continue }
            // The name becomes an argument of ssh.
            let isName = name.first != "-" && name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F }
            guard isName else { throw FormatError(path, "line \(index + 1): expected a host name, found \(name)") }
            if !names.contains(name) { names.append(name) }
            repeats[name, default: 0] += 1
            guard let word = words.first(where: { $0.hasPrefix("slots=") }) else { continue }
            guard let count = Int(word.dropFirst("slots=".count)), (1...1 << 20).contains(count) else {
                throw FormatError(path, "line \(index + 1): expected slots=N, found \(word)")
            }
            slots[name, default: 0] += count
        }
        guard !names.isEmpty else { throw FormatError(path, "expected one host per line, found none") }
        // A host that is listed once without slots has one slot per core.
        for (name, count) in repeats where slots[name] == nil && count > 1 { slots[name] = count }
    }

    /// Checks that each host with a known number of slots has at least `count`.
    ///
    /// - Throws: `FormatError` for the first host with fewer, instead of mpirun's long message.
    func requireSlots(_ count: Int) throws {
        for name in names {
            guard let found = slots[name], found < count else { continue }
            let expected = "at least slots=\(count), the ranks of a host"
            throw FormatError(path, "\(name): expected \(expected), found slots=\(found)")
        }
    }
}
