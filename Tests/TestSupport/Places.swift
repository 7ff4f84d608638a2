internal import Foundation
package import SystemPackage

/// The tiny models with golden values that `Tests/Goldens/make_goldens.py` generates.
package enum Golden: String, CaseIterable, Sendable {
    case tied
    case freeHead = "free-head"
    case llama3
    case biases
    case qwen2
    case mistral
    case qwen2Window = "qwen2-window"
    case qwen3
    case qwen3Biases = "qwen3-biases"
    case smolLM3 = "smollm3"
    case gemma
    case gemma2
    case gemma3
    case phi3
    case phi3Default = "phi3-default"
    case olmo2
    case olmo3
    case granite
    case cohere
    case cohere2
    case gptNeoX = "gpt-neox"
    case gptNeoXSerial = "gpt-neox-serial"
    case yarn
    case linear
    case dynamic
    case gemma3Wrapper = "gemma3-wrapper"
    case mistral3Wrapper = "mistral3-wrapper"
    case pad

    /// The goldens with long examples, larger models and no steps; the others have about half the tokens.
    package static let long: [Golden] = [.tied, .freeHead, .llama3, .biases, .qwen2]
    /// The goldens with the losses and gradient norms of two steps, one or more for each family and feature.
    package static let short = allCases.filter { !long.contains($0) }

    /// The Hugging Face directory.
    package var directory: FilePath { Places.repository.appending("Tests/Goldens/\(rawValue)") }
    /// Prepared preferences.
    package var file: FilePath { directory.appending("data.safetensors") }
    /// The same preferences with their log-probabilities and gradients.
    package var expected: FilePath { directory.appending("golden.safetensors") }
    /// The configuration in the form of transformers 4, of the same model.
    package var olderConfiguration: FilePath { directory.appending("v4/config.json") }
    /// The least number of trained tensors.
    package var leastTensorCount: Int { Self.long.contains(self) ? 3 * 9 + 2 : 2 * 6 + 2 }
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
