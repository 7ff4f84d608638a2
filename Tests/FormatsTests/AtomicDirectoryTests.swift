internal import Formats
internal import Foundation
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Directories that are complete or absent, and whose changes are detected.
struct AtomicDirectoryTests {
    private func write(_ path: FilePath, _ files: [String: String]) throws {
        try AtomicDirectory.write(to: path) { directory in
            for (name, text) in files {
                try AtomicFile.write(to: directory.appending(name)) { try $0.append(text) }
            }
        }
    }

    /// Expects that a file of `directory` does not match the manifest.
    private func expectDamage(
        _ name: String,
        _ message: String,
        in directory: FilePath,
        at location: SourceLocation = #_sourceLocation
    ) {
        expectRefusal(directory.appending(name), message, at: location) {
            _ = try DirectoryManifest(verifying: directory)
        }
    }

    @Test("a written directory has all its files and a matching manifest, and nothing else is left")
    func whole() throws {
        try Places.temporary { directory in
            let path = directory.appending("set")
            try write(path, ["a": "first", "b": ""])
            #expect(try names(in: directory) == ["set"])
            #expect(try names(in: path) == ["a", "b", "manifest.json"])
            #expect(try DirectoryManifest(verifying: path).names == ["a", "b"])
        }
    }

    @Test("files of a directory within are part of the manifest, and no name leads out of it")
    func nested() throws {
        try Places.temporary { directory in
            let path = directory.appending("set")
            try AtomicDirectory.write(to: path) { place in
                try place.appending("in").makeDirectory()
                for name in ["a", "in/b"] { try AtomicFile.write(to: place.appending(name)) { try $0.append(name) } }
            }
            #expect(try DirectoryManifest(verifying: path).names == ["a", "in/b"])
            let manifest = path.appending("manifest.json").string
            let json = try String(contentsOfFile: manifest, encoding: .utf8)
            for name in ["../b", "in/../a", "/in/b", "in//b", "in/./b", "in/b/"] {
                let edited = json.replacingOccurrences(of: "in/b", with: name)
                try edited.write(toFile: manifest, atomically: true, encoding: .utf8)
                expectDamage("manifest.json", "expected names of files in this directory, found \(name)", in: path)
            }
            try json.write(toFile: manifest, atomically: true, encoding: .utf8)
            try "c".write(toFile: path.appending("in/b").string, atomically: true, encoding: .utf8)
            expectDamage("in/b", "expected 4 bytes, as manifest.json says, found 1", in: path)
        }
    }

    @Test("a directory replaces an existing one")
    func replaced() throws {
        try Places.temporary { directory in
            let path = directory.appending("set")
            try write(path, ["a": "first", "b": ""])
            try write(path, ["c": "second"])
            #expect(try names(in: directory) == ["set"])
            #expect(try DirectoryManifest(verifying: path).names == ["c"])
        }
    }

    @Test("if writing fails, the existing directory stays, and nothing else is left")
    func failure() throws {
        struct Fault: Error {}
        try Places.temporary { directory in
            let path = directory.appending("set")
            try write(path, ["a": "first"])
            #expect(throws: Fault.self) {
                try AtomicDirectory.write(to: path) { place in
                    try AtomicFile.write(to: place.appending("a")) { try $0.append("second") }
                    throw Fault()
                }
            }
            #expect(try names(in: directory) == ["set"])
            #expect(try String(contentsOfFile: path.appending("a").string, encoding: .utf8) == "first")
            _ = try DirectoryManifest(verifying: path)
        }
    }

    @Test("a removed directory is gone, and removing a missing one is no error")
    func removal() throws {
        try Places.temporary { directory in
            let path = directory.appending("set")
            try write(path, ["a": "first"])
            try AtomicDirectory.remove(path)
            try AtomicDirectory.remove(path)
            #expect(try names(in: directory).isEmpty)
        }
    }

    @Test("interrupted directories are removed, and of a directory and its replacement the newest complete one is kept")
    func sweeping() throws {
        try Places.temporary { directory in
            let files = FileManager.default
            func move(_ name: String, _ other: String) throws {
                try files.moveItem(atPath: directory.appending(name).string, toPath: directory.appending(other).string)
            }
            // Killed between the two renames: the new one is complete but has no final name.
            try write(directory.appending("set-1.2"), ["a": "former"])
            try move("set-1.2", ".set-1.2.77.former.tmp")
            try write(directory.appending(".set-1.2.77.tmp"), ["a": "new"])
            // The same, but the new one is damaged.
            try write(directory.appending("set-2"), ["a": "former"])
            try move("set-2", ".set-2.77.former.tmp")
            try write(directory.appending(".set-2.77.tmp"), ["a": "new"])
            try "old".write(
                toFile: directory.appending(".set-2.77.tmp/a").string,
                atomically: true,
                encoding: .utf8
            )
            // Killed after them, and during the removal of another.
            try write(directory.appending("set-3"), ["a": "new"])
            try write(directory.appending(".set-3.78.former.tmp"), ["a": "former"])
            try write(directory.appending(".set-4.78.old.tmp"), ["a": "old"])
            try write(directory.appending(".other.78.old.tmp"), ["a": "not ours"])
            try AtomicDirectory.sweep(directory, prefix: "set-")
            #expect(try names(in: directory) == [".other.78.old.tmp", "set-1.2", "set-2", "set-3"])
            func text(_ name: String) throws -> String {
                try String(contentsOfFile: directory.appending(name).appending("a").string, encoding: .utf8)
            }
            #expect(try text("set-1.2") == "new" && text("set-2") == "former" && text("set-3") == "new")
            for name in ["set-1.2", "set-2"] { _ = try DirectoryManifest(verifying: directory.appending(name)) }
        }
    }

    @Test("writing a file removes the temporary files of killed processes, but none in use")
    func abandoned() throws {
        try Places.temporary { directory in
            func leave(_ name: String) throws {
                try "half".write(toFile: directory.appending(name).string, atomically: false, encoding: .utf8)
            }
            let kept = ["a.77.tmp.tmp", "a.b.77.tmp", "a.tmp", "b.77.tmp"]
            for name in kept + ["a.77.tmp", "a.1234567.tmp", "a.78.tmp"] { try leave(name) }
            // Another process writes the same file at the same time.
            let other = open(directory.appending("a.78.tmp").string, O_WRONLY)
            defer { close(other) }
            #expect(flock(other, LOCK_EX) == 0)
            try AtomicFile.write(to: directory.appending("a")) { try $0.append("first") }
            #expect(try names(in: directory) == ["a", "a.77.tmp.tmp", "a.78.tmp", "a.b.77.tmp", "a.tmp", "b.77.tmp"])
        }
    }

    @Test("a changed bit, a file of another size, a missing file and half a manifest are reported by name")
    func damage() throws {
        try Places.temporary { directory in
            let path = directory.appending("set")
            func damage(_ name: String, _ change: (inout Data) -> Void) throws {
                let file = URL(fileURLWithPath: path.appending(name).string)
                var bytes = try Data(contentsOf: file)
                change(&bytes)
                try bytes.write(to: file)
            }
            try write(path, ["a": "first", "b": "second"])
            try damage("a") { $0[2] ^= 0x10 }
            expectDamage("a", "its SHA-256 differs from manifest.json: some of its bytes have changed", in: path)
            try write(path, ["a": "first", "b": "second"])
            try damage("b") { $0.removeLast() }
            expectDamage("b", "expected 6 bytes, as manifest.json says, found 5", in: path)
            try write(path, ["a": "first", "b": "second"])
            try FileManager.default.removeItem(atPath: path.appending("a").string)
            expectDamage("a", "cannot be opened: No such file or directory", in: path)
            try write(path, ["a": "first", "b": "second"])
            try damage("manifest.json") { $0.removeLast(20) }
            let half = "expected a manifest of format version 1, found other or incomplete content"
            expectDamage("manifest.json", half, in: path)
            try damage("manifest.json") { $0 = Data() }
            expectDamage("manifest.json", half, in: path)
            try FileManager.default.removeItem(atPath: path.appending("manifest.json").string)
            expectDamage("manifest.json", "cannot be opened: No such file or directory", in: path)
        }
    }

    @Test("a manifest cannot name files elsewhere")
    func escape() throws {
        try Places.temporary { directory in
            let path = directory.appending("set")
            try write(path, ["a": "first"])
            let file = path.appending("manifest.json").string
            let json = try String(contentsOfFile: file, encoding: .utf8)
            let forged = json.replacingOccurrences(of: "\"a\"", with: "\"../a\"")
            #expect(forged != json)
            try forged.write(toFile: file, atomically: true, encoding: .utf8)
            expectDamage("manifest.json", "expected names of files in this directory, found ../a", in: path)
        }
    }

    @Test("a manifest that is forged in any other way is refused")
    func forged() throws {
        try Places.temporary { directory in
            let path = directory.appending("set")
            try write(path, ["a": "first"])
            let file = path.appending("manifest.json").string
            let json = try String(contentsOfFile: file, encoding: .utf8)
            for (old, new, message) in [
                (#""bytes": 5"#, #""bytes": -5"#, "a: expected bytes, a whole number, and sha256, a string"),
                (#""bytes": 5"#, #""bytes": 5.0"#, "a: expected bytes, a whole number, and sha256, a string"),
                (#""bytes": 5"#, #""bytes": 1e400"#, "a: expected bytes, a whole number, and sha256, a string"),
                (
                    #""bytes": 5"#, #""bytes": 5, "bytes": 5"#,
                    "expected a manifest of format version 1, found other or incomplete content"
                ),
                (
                    #""format_version": 1"#, #""format_version": 2"#,
                    "expected a manifest of format version 1, found other or incomplete content"
                ),
            ] {
                let spaced = json.replacingOccurrences(of: "\" : ", with: "\": ")
                let forged = spaced.replacingOccurrences(of: old, with: new)
                #expect(forged != spaced)
                try forged.write(toFile: file, atomically: true, encoding: .utf8)
                expectDamage("manifest.json", "\(message)", in: path)
            }
        }
    }

    @Test("a link in place of a temporary file is not followed")
    func links() throws {
        try Places.temporary { directory in
            let (victim, path) = (directory.appending("victim"), directory.appending("file"))
            try "precious".write(toFile: victim.string, atomically: true, encoding: .utf8)
            for name in ["\(path).\(getpid()).tmp", path.string] { #expect(symlink(victim.string, name) == 0) }
            try AtomicFile.write(to: path) { try $0.append("new") }
            #expect(try String(contentsOfFile: victim.string, encoding: .utf8) == "precious")
            #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "new")
            // The link is replaced, not its target.
            #expect(
                try FileManager.default.attributesOfItem(atPath: path.string)[.type] as? FileAttributeType
                    == .typeRegular
            )
            #expect(try names(in: directory) == ["file", "victim"])
        }
    }

    @Test("links among a model's files may point to the same directory or the Hub's cache only")
    func ownFiles() throws {
        try Places.temporary { directory in
            let (cache, secret) = (directory.appending("models--a--b"), directory.appending("secret.json"))
            let (blobs, model) = (cache.appending("blobs"), cache.appending("snapshots/abc"))
            try blobs.makeDirectory()
            try model.makeDirectory()
            for file in [secret, blobs.appending("1"), model.appending("own.json")] {
                try "{}".write(toFile: file.string, atomically: true, encoding: .utf8)
            }
            for (name, place) in [
                ("hub.json", "../../blobs/1"), ("same.json", "own.json"), ("bad.json", secret.string),
            ] {
                #expect(symlink(place, model.appending(name).string) == 0)
            }
            for name in ["own.json", "hub.json", "same.json"] {
                try model.appending(name).requireOwnFile(of: model)
            }
            let bad = model.appending("bad.json")
            let message = "links to a file outside the model directory; replace it by a copy if it belongs to the model"
            expectRefusal(bad, message) {
                try bad.requireOwnFile(of: model)
            }
        }
    }
}
