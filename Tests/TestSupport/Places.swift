internal import Foundation
package import SystemPackage

/// The tiny models with golden values that `Tests/Goldens/make_goldens.py` generates.
package enum Golden: String, CaseIterable, Sendable {
    case tied
    case freeHead = "free-head"
    case llama3
    case biases
    case qwen2

    /// The Hugging Face directory.
    package var directory: FilePath { Places.repository.appending("Tests/Goldens/\(rawValue)") }
    /// Prepared preferences.
    package var file: FilePath { directory.appending("data.safetensors") }
    /// The same preferences with their log-probabilities and gradients.
    package var expected: FilePath { directory.appending("golden.safetensors") }
}

/// The locations of files during a test.
package enum Places {
    /// The root of the repository.
    package static var repository: FilePath {
        FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    }

    /// The directory of the executables that were built with the tests.
    package static var products: FilePath {
        // The test bundle is an executable in that directory, or is loaded by one that has its path as an argument.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return FilePath(bundle).removingLastComponent()
    }

    /// Runs `body` with a fresh directory, which is removed afterwards.
    package static func temporary<R>(_ body: (FilePath) throws -> R) throws -> R {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("espalier-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        return try body(FilePath(directory.path))
    }
}
