internal import Foundation
package import SystemPackage

/// The files of a Hugging Face model directory that are copied to a model trained from it: tokenizer, chat templates,
/// processors, generation settings, and licence.
///
/// Chosen by name, as `save_pretrained` of tokenizers and processors writes them. `config.json` is excluded, since a trained
/// model has its own, and so are weights, records of a training run, and `README.md`, which describe another model.
package struct ModelCompanions: Sendable, Equatable {
    /// The directory of chat templates other than the default one, one template per file.
    private static let templates = "additional_chat_templates"

    private static let names: Set<String> = [
        // Fast tokenizers, slow tokenizers, and the files that slow ones are built from.
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
        "vocab.txt", "vocab.bpe", "merges.txt", "bpe.codes", "tokenizer.model", "tokenizer.model.v3", "spiece.model",
        "sentencepiece.model", "sentencepiece.bpe.model", "source.spm", "target.spm", "tekken.json", "normalizer.json",
        // Templates and generation settings.
        "chat_template.jinja", "chat_template.json", "generation_config.json",
        // Processors.
        "preprocessor_config.json", "processor_config.json", "image_processor_config.json",
        "video_preprocessor_config.json", "audio_tokenizer_config.json",
    ]
    private static let licences = ["license", "licence", "notice", "use_policy", "copying"]

    /// Files that a run of this program writes to its output directory, and that no other command writes again.
    private static let records: Set<String> = [
        "config.json", "readme.md", "metrics.jsonl", "summary.json", "espalier.yaml", "espalier-state.json",
        "espalier-run.json", "manifest.json", "trace.json", "phases.txt", "latest",
    ]
    /// Files that describe a model or its training run, which are neither copied nor reported.
    private static let excluded = records.union([
        "params.json", "trainer_state.json", "training_args.json", "all_results.json", "train_results.json",
        "eval_results.json", "report.html",
    ])
    private static let excludedSuffixes = [
        ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".gguf", ".index.json",
        ".journal",
    ]

    /// The companions' names, sorted; those in a folder with it in front, as `additional_chat_templates/tool_use.jinja`.
    package let names: [String]
    /// The names of all files that are neither companions nor known to be excluded, sorted.
    package let unknown: [String]

    /// The companions in `directory`.
    ///
    /// - Throws: `FormatError` for one that is a link to a file outside of the model, since a copy would disclose that.
    package init(in directory: FilePath) throws {
        let files = try Self.files(in: directory)
        let templates = try Self.files(in: directory.appending(Self.templates)).filter { $0.hasSuffix(".jinja") }
        names = (files.filter(Self.isCompanion) + templates.map { "\(Self.templates)/\($0)" }).sorted()
        unknown = files.filter { !Self.isCompanion($0) && !Self.isExcluded($0) }.sorted()
        for name in names { try directory.appending(name).requireOwnFile(of: directory) }
    }

    /// The names of the visible files in a directory; none if the directory does not exist.
    private static func files(in directory: FilePath) throws -> [String] {
        var isDirectory: ObjCBool = false
        let manager = FileManager.default
        guard manager.fileExists(atPath: directory.string, isDirectory: &isDirectory), isDirectory.boolValue else {
            return []
        }
        return try manager.contentsOfDirectory(atPath: directory.string).filter { name in
            let isFound = manager.fileExists(atPath: directory.appending(name).string, isDirectory: &isDirectory)
            return !name.hasPrefix(".") && !(isFound && isDirectory.boolValue)
        }
    }

    /// Whether a file is one of the model or of the run in its directory, by its name; weights included.
    static func belongsToDirectory(_ path: FilePath) -> Bool {
        let (directory, name) = (path.removingLastComponent(), path.lastComponent?.string ?? "")
        let signs = ["config.json", WeightFiles.adapterConfiguration, "espalier-run.json"]
        guard signs.contains(where: { (try? directory.appending($0).stat()) != nil }) else { return false }
        let adapter = [WeightFiles.adapterConfiguration, WeightFiles.adapter]
        return isCompanion(name) || records.contains(name.lowercased()) || adapter.contains(name)
            || WeightFiles.possibleNames(in: directory).contains(name)
    }

    private static func isCompanion(_ name: String) -> Bool {
        let lowercased = name.lowercased()
        return names.contains(name) || name.hasSuffix(".tiktoken") || licences.contains { lowercased.hasPrefix($0) }
    }

    private static func isExcluded(_ name: String) -> Bool {
        let lowercased = name.lowercased()
        return excluded.contains(lowercased) || excludedSuffixes.contains { lowercased.hasSuffix($0) }
    }
}
