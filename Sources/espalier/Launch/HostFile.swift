internal import Formats
internal import SystemPackage

/// A file of hosts for mpirun: a name in each line, and perhaps `slots=N`.
struct HostFile {
    /// The hosts in order of their first line.
    private(set) var names: [String] = []
    private var slots: [String: Int] = [:]
    private let path: FilePath

    /// Reads a file, such as PBS's of the hosts that it grants, which repeats a host for each slot.
    ///
    /// - Throws: `FormatError` for one that cannot be read, names no host, or has slots that are no number.
    init(_ path: FilePath) throws {
        self.path = path
        let text = try MappedFile(path).withBytes { String(decoding: $0, as: UTF8.self) }
        var repeats: [String: Int] = [:]
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: { $0.isNewline })
        for (index, line) in lines.enumerated() {
            let content = line.prefix(while: { $0 != "#" })
            let words = content.split(whereSeparator: { $0.isWhitespace }).map { String($0) }
            guard let name = words.first else { continue }
            // It becomes a word of ssh.
            let isName = name.first != "-" && name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F }
            guard isName else { throw FormatError(path, "line \(index + 1): expected a host's name, found \(name)") }
            if !names.contains(name) { names.append(name) }
            repeats[name, default: 0] += 1
            guard let word = words.first(where: { $0.hasPrefix("slots=") }) else { continue }
            guard let count = Int(word.dropFirst("slots=".count)), (1...1 << 20).contains(count) else {
                throw FormatError(path, "line \(index + 1): expected slots=N, found \(word)")
            }
            slots[name, default: 0] += count
        }
        guard !names.isEmpty else { throw FormatError(path, "expected a host in each line, found none") }
        // A host once, without slots, has as many as it has cores.
        for (name, count) in repeats where slots[name] == nil && count > 1 { slots[name] = count }
    }

    /// Demands room for so many ranks on each host whose slots are told.
    ///
    /// - Throws: `FormatError` for the first host with fewer, in place of mpirun's long message.
    func requireSlots(_ count: Int) throws {
        for name in names {
            guard let found = slots[name], found < count else { continue }
            throw FormatError(path, "\(name): expected slots=\(count), the ranks of a host, found \(found)")
        }
    }
}
