internal import Foundation
package import SystemPackage

/// Errors about a path without a model, with the remedy for what is there instead.
package enum MissingModel {
    private static let download = "download a model with: hf download ORG/NAME --local-dir DIR"

    /// The error for a path that has no `config.json`.
    package static func configuration(of directory: FilePath) -> FormatError {
        let expected = "expected a Hugging Face model directory, found"
        guard exists(directory) else {
            let found = isLink(directory) ? "a link to a file that does not exist" : "nothing"
            return FormatError(directory, "\(expected) \(found); \(remedy(forAbsent: directory))")
        }
        let (found, remedy) =
            dangling("config.json", in: directory) ?? other(in: directory) ?? ("no config.json", download)
        return FormatError(directory, "\(expected) \(found); \(remedy)")
    }

    /// The error for a directory that has no weights in safetensors.
    static func weights(of directory: FilePath) -> FormatError {
        let expected = "expected a Hugging Face model with model.safetensors or its index, found"
        let (found, remedy) =
            dangling(WeightFiles.single, in: directory) ?? dangling(WeightFiles.index, in: directory)
            ?? other(in: directory)
            ?? ("neither", "download the model with: hf download ORG/NAME --local-dir DIR")
        return FormatError(directory, "\(expected) \(found); \(remedy)")
    }

    /// Whether something is at the path, or at the end of its links.
    static func exists(_ path: FilePath) -> Bool { FileManager.default.fileExists(atPath: path.string) }

    // MARK: Kinds

    /// What a directory has in place of the expected files, and the remedy; nil if nothing is recognized.
    private static func other(in directory: FilePath) -> (found: String, remedy: String)? {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []).sorted()
        if let name = names.first(where: { $0.hasSuffix(".gguf") }) {
            return (name, "convert it: espalier-import-gguf \(directory.appending(name)) DIR")
        }
        if names.contains("snapshots") {
            let snapshots = directory.appending("snapshots")
            let revisions = (try? FileManager.default.contentsOfDirectory(atPath: snapshots.string)) ?? []
            let place = snapshots.appending(revisions.count == 1 ? revisions[0] : "REVISION")
            return ("a model's directory in the cache of the Hub", "name the snapshot in it: \(place)")
        }
        if names.contains(WeightFiles.adapterConfiguration) {
            let remedy = "use --model BASE --adapter \(directory), where BASE is the directory of its model"
            return ("an adapter (\(WeightFiles.adapterConfiguration))", remedy)
        }
        let suffixes = [".bin", ".pt", ".pth", ".ckpt"]
        return names.first { name in suffixes.contains { name.hasSuffix($0) } }.map {
            ($0, "convert the model to safetensors with save_pretrained of transformers")
        }
    }

    /// A file that is a link to none, as in a copied or incomplete cache of the Hub.
    private static func dangling(_ name: String, in directory: FilePath) -> (found: String, remedy: String)? {
        let path = directory.appending(name)
        guard isLink(path), !exists(path) else { return nil }
        return ("\(name) as a link to a file that does not exist", "download or copy the model again, without links")
    }

    private static func isLink(_ path: FilePath) -> Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: path.string)) != nil
    }

    /// The remedy for a path at which nothing is, which may be the name of a model on the Hub.
    private static func remedy(forAbsent path: FilePath) -> String {
        // The library's components of a very long path take minutes without optimization.
        let names = path.string.split(separator: "/")
        guard path.isRelative, names.count == 2, !names.contains(where: { $0.hasPrefix(".") }) else { return download }
        return "if it is the name of a model on the Hub, download it: hf download \(path) --local-dir \(names[1])"
    }
}
