internal import Foundation
package import SystemPackage

/// An adapter of a golden's model that PEFT saved, with golden values that `Tests/Goldens/make_adapter_goldens.py` generates.
package struct AdapterGolden: Sendable, Equatable, CustomStringConvertible {
    /// The golden whose model it adapts, and whose data its values are for.
    package let base: Golden
    /// What is special about it.
    package let kind: String

    /// Every adapter.
    package static let all: [AdapterGolden] = [
        (Golden.yarn, ["plain", "some", "rslora", "dora", "pattern"]), (.linear, ["saved"]),
        (.qwen3Biases, ["plain", "some", "rslora", "dora", "pattern", "saved"]), (.phi3, ["plain", "some"]),
        (.phi3Default, ["rslora", "dora", "pattern", "saved"]), (.gptNeoX, ["plain", "dora"]),
    ].flatMap { base, kinds in kinds.map { AdapterGolden(base, $0) } }

    package init(_ base: Golden, _ kind: String) { (self.base, self.kind) = (base, kind) }

    package var description: String { "\(base.rawValue)/\(kind)" }
    /// The directory of all adapters.
    package static var root: FilePath { Places.repository.appending("Tests/Goldens/adapters") }
    /// The adapter, as PEFT writes it.
    package var directory: FilePath { Self.root.appending(base.rawValue).appending(kind) }
    /// Log-probabilities, gradients and two steps.
    package var expected: FilePath { directory.appending("golden.safetensors") }
    /// An adapter of the same settings that changes nothing, with two steps whose reference is the model without it.
    package var fresh: FilePath { directory.appending("fresh") }
    /// Whether there is a fresh one.
    package var hasFresh: Bool { FileManager.default.fileExists(atPath: fresh.string) }
}
