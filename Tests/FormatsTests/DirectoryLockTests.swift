internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

struct DirectoryLockTests {
    @Test("a directory is locked once, and again after the lock is released; no file is left")
    func once() throws {
        try Places.temporary { directory in
            let first = try DirectoryLock(directory, patience: 0)
            #expect(first.isHeld)
            withExtendedLifetime(first) {
                let error = #expect(throws: FormatError.self) { try DirectoryLock(directory, patience: 0.2) }
                let here = "process \(ProcessInfo.processInfo.processIdentifier) on \(Host.name) since 20"
                #expect(error?.message.hasPrefix("in use by another run: \(here)") == true, "\(error as Any)")
                #expect(error?.isTransient == true)
            }
        }
        try Places.temporary { directory in
            do { _ = try DirectoryLock(directory, patience: 0) }
            #expect(!exists(directory.appending(DirectoryLock.fileName)))
            #expect(try DirectoryLock(directory, patience: 0).isHeld)
        }
    }

    @Test("the lock file of a dead process does no harm, and the new holder is recorded")
    func leftOver() throws {
        try Places.temporary { directory in
            let file = directory.appending(DirectoryLock.fileName)
            try "process 1 on elsewhere since 1970-01-01T00:00:00Z, and a line that is longer than the next one's\n"
                .write(toFile: file.string, atomically: false, encoding: .utf8)
            let lock = try DirectoryLock(directory, patience: 0)
            try withExtendedLifetime(lock) {
                let text = try String(contentsOfFile: file.string, encoding: .utf8)
                #expect(text.hasPrefix("process \(ProcessInfo.processInfo.processIdentifier) on "), "\(text)")
                #expect(text.hasSuffix("Z\n") && !text.contains("elsewhere"), "\(text)")
            }
        }
    }

    @Test("a link in place of the lock file is not followed")
    func link() throws {
        try Places.temporary { directory in
            let victim = directory.appending("victim")
            try "precious".write(toFile: victim.string, atomically: true, encoding: .utf8)
            #expect(symlink("victim", directory.appending(DirectoryLock.fileName).string) == 0)
            let error = #expect(throws: FormatError.self) { try DirectoryLock(directory, patience: 0) }
            #expect(error?.message == "cannot be written: Too many levels of symbolic links")
            #expect(try String(contentsOfFile: victim.string, encoding: .utf8) == "precious")
        }
    }

    @Test("a directory that cannot be created is reported")
    func missing() throws {
        let error = #expect(throws: FormatError.self) { try DirectoryLock("/dev/null/here", patience: 0) }
        #expect(error?.message == "cannot be created as a directory: Not a directory; choose another place")
        #expect(error?.isTransient == false)
    }

    @Test("directories that the lock creates are removed with it, down to one with content")
    func created() throws {
        try Places.temporary { directory in
            let (parent, place) = (directory.appending("a"), directory.appending("a/b/c"))
            do {
                let lock = try DirectoryLock(place, patience: 0)
                withExtendedLifetime(lock) { #expect(exists(place.appending(DirectoryLock.fileName))) }
            }
            #expect(!exists(parent) && exists(directory))
            do {
                let lock = try DirectoryLock(place, patience: 0)
                try withExtendedLifetime(lock) { try write("", to: place.removingLastComponent().appending("file")) }
            }
            #expect(!exists(place) && exists(parent.appending("b/file")))
            try place.makeDirectory()
            do { _ = try DirectoryLock(place, patience: 0) }
            #expect(exists(place), "an empty directory that another has created stays")
        }
    }

    @Test("a lock waits for a holder that removes the directory")
    func removed() async throws {
        let directory = FilePath(NSTemporaryDirectory()).appending("espalier-\(UUID().uuidString)")
        var first: DirectoryLock? = try DirectoryLock(directory, patience: 0)
        let second = Task.detached { try DirectoryLock(directory, patience: 20).isHeld }
        try await Task.sleep(for: .milliseconds(200))
        #expect(first?.isHeld == true)
        first = nil
        #expect(try await second.value)
        #expect(!exists(directory))
    }
}
