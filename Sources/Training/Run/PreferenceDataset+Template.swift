internal import Formats
package import Preferences
internal import Reporting
internal import SystemPackage

extension PreferenceDataset {
    /// Warns if the data has tensors that nothing reads, if it was prepared with another chat template than the model
    /// directory has, or if the directory has no tokenizer to compare.
    ///
    /// - Parameters:
    ///   - path: The file that the data was read from.
    ///   - model: The model directory.
    package func reportDifferences(from path: String, for model: String) {
        let warnings = [
            tensorWarning(from: path), tokenizerWarning(from: path, in: model), templateWarning(from: path, for: model),
        ]
        for warning in warnings.compactMap({ $0 }) { printNotice("warning: \(warning)".printable()) }
    }

    /// The tensors that nothing reads, although they may be meant to change what is learned; nil if there are none.
    package func tensorWarning(from path: String) -> String? {
        guard !unreadTensors.isEmpty else { return nil }
        let named = unreadTensors.prefix(8).joined(separator: ", ") + (unreadTensors.count > 8 ? " …" : "")
        return "\(path): holds \(unreadTensors.count) tensors that are not used: \(named)"
    }

    /// The difference between the chat template of the data and that of the model; nil if there is none, if the data does
    /// not record its template, or if the directory has no tokenizer.
    package func templateWarning(from path: String, for model: String) -> String? {
        guard let prepared = metadata["template_digest"] else { return nil }
        let remedy = "prepare the data with espalier-prepare and this model, or give the model the data's template"
        switch ChatTemplates(in: FilePath(model)) {
        case .noTokenizer: return nil
        case .unknown(let reason):
            return "\(path): its chat template (\(Self.shown(prepared))) cannot be compared with that of \(model): "
                + "the model \(reason); if they differ, \(remedy)"
        case .digest(let digest):
            guard digest != prepared else { return nil }
            return "\(path): prepared with another chat template (\(Self.shown(prepared))) than \(model) has "
                + "(\(Self.shown(digest))), so that conversations have another form; \(remedy)"
        }
    }

    private static func shown(_ digest: String) -> String {
        digest == ChatTemplates.none ? "none" : "digest \(digest.prefix(12))…"
    }
}
