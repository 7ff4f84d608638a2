package import SystemPackage

/// The files that a command reads and those that it writes, to refuse a command that would overwrite its own inputs.
///
/// Two paths are the same file if device and inode agree, through symbolic and hard links; two that do not exist, if they
/// have the same name in the same directory.
package struct CommandFiles {
    private struct Role {
        let path: FilePath
        /// The option that names the file.
        let option: String
        let identity: Identity
        var isLink = false
    }

    private enum Identity: Hashable {
        case file(device: UInt64, inode: UInt64)
        case missing(device: UInt64, inode: UInt64, name: String)
        case unknown(String)

        init(_ path: FilePath) {
            // Longer than any path of the system: no file has it, and dividing it into components would take long.
            guard path.string.utf8.count < 4096 else {
                self = .unknown(path.string)
                return
            }
            if let found = Self.number(path) {
                self = .file(device: found.device, inode: found.inode)
                return
            }
            let parent = path.removingLastComponent()
            guard let name = path.lastComponent?.string, let found = Self.number(parent.isEmpty ? "." : parent) else {
                self = .unknown(path.string)
                return
            }
            self = .missing(device: found.device, inode: found.inode, name: name)
        }

        private static func number(_ path: FilePath) -> (device: UInt64, inode: UInt64)? {
            guard let found = try? path.stat() else { return nil }
            return (UInt64(found.deviceID.rawValue), UInt64(found.inode.rawValue))
        }
    }

    private var inputs: [Role] = []
    private var outputs: [Role] = []
    private var results: [(path: FilePath, option: String)] = []
    private var replaced: [(directory: FilePath, prefix: String, option: String)] = []

    /// No files.
    package init() {}

    /// Adds a file that the command reads.
    package mutating func read(_ path: FilePath, as option: String) {
        guard !path.isEmpty else { return }
        inputs.append(Role(path: path, option: option, identity: Identity(path)))
    }

    /// Adds the files of a model directory that belong to the model: configuration, weights, tokenizer and the like.
    package mutating func read(modelIn directory: FilePath, as option: String) {
        guard (try? directory.stat()) != nil else { return }
        let companions = (try? ModelCompanions(in: directory).names) ?? []
        for name in ["config.json"] + WeightFiles.possibleNames(in: directory) + companions {
            read(directory.appending(name), as: option)
        }
    }

    /// Adds the files of an adapter.
    package mutating func read(adapterIn directory: FilePath, as option: String) {
        for name in [WeightFiles.adapterConfiguration, WeightFiles.adapter] {
            read(directory.appending(name), as: option)
        }
    }

    /// Adds a file that the command writes, even if not in every case.
    package mutating func write(_ path: FilePath, as option: String) {
        guard !path.isEmpty else { return }
        outputs.append(Role(path: path, option: option, identity: Identity(path)))
    }

    /// Adds a file that the command writes wherever the user says, which must not be one of a model or a run there.
    package mutating func write(result path: FilePath, as option: String) {
        write(path, as: option)
        results.append((path, option))
    }

    /// Adds a link that the command replaces, which may lead to a directory.
    package mutating func write(link path: FilePath, as option: String) {
        outputs.append(Role(path: path, option: option, identity: Identity(path), isLink: true))
    }

    /// Adds the checkpoints of a directory, whose names begin with `prefix`: the command may replace or remove each.
    package mutating func replace(checkpointsIn directory: FilePath, prefix: String, as option: String) {
        replaced.append((directory, prefix, option))
    }

    /// Checks that no file is both read and written, or written twice, and that outputs replace only regular files, and
    /// results none of a model or a run.
    ///
    /// - Throws: `FormatError` that names the file and the options, or what an output would replace.
    package func check() throws {
        try checkConflicts()
        try checkCheckpoints()
        for output in outputs where !output.isLink { try output.path.requireReplaceable() }
        for (path, option) in results where ModelCompanions.belongsToDirectory(path) {
            throw FormatError(path, "belongs to the model or the run in its directory; choose another \(option)")
        }
    }

    /// Refuses files that are read or written within a checkpoint that the command may replace.
    private func checkCheckpoints() throws {
        for (directory, prefix, option) in replaced {
            guard let home = directory.resolved else { continue }
            for file in inputs + outputs {
                guard let place = file.path.resolved ?? file.path.removingLastComponent().resolved,
                    place.starts(with: home),
                    place.components.dropFirst(home.components.count).first?.string.hasPrefix(prefix) == true
                else { continue }
                if file.isLink { continue }
                throw FormatError(
                    file.path,
                    "\(file.option) is in a checkpoint of \(option), which the run may replace or remove; copy it, or "
                        + "choose another \(option)"
                )
            }
        }
    }

    private func checkConflicts() throws {
        var known: [Identity: Role] = [:]
        for input in inputs { known[input.identity] = known[input.identity] ?? input }
        for output in outputs {
            if let input = known[output.identity] {
                let same = input.path == output.path ? "" : ", as \(input.path)"
                throw FormatError(
                    output.path,
                    "\(output.option) would overwrite what \(input.option) reads\(same); choose another \(output.option)"
                )
            }
        }
        var written: [Identity: Role] = [:]
        for output in outputs {
            // The files of one option have names of their own.
            if let other = written[output.identity], other.option != output.option {
                throw FormatError(
                    output.path,
                    "\(other.option) and \(output.option) would both write it; choose another \(output.option)"
                )
            }
            written[output.identity] = output
        }
    }
}
