internal import Foundation

/// Classes of models that directories on the Hub contain, although `transformers` has them too.
enum OwnCode {
    /// Whether a class is a family's own, by its name and that of its file: `modeling_llama.LlamaForCausalLM`, after `--`
    /// if it lies in another repository.
    static func has(_ reference: String, _ modelType: String) -> Bool {
        let place = reference.range(of: "--", options: .backwards).map { reference[$0.upperBound...] } ?? reference[...]
        let parts = place.split(separator: ".", omittingEmptySubsequences: false).map(normalized)
        guard parts.count == 2 else { return false }
        let name = normalized(modelType.hasSuffix("_text") ? modelType.dropLast(5) : modelType[...])
        return ["configuration", "modeling"].contains { parts[0] == $0 + name }
            && classes.contains { parts[1] == name + $0 }
    }

    private static let classes = [
        "config", "textconfig", "model", "textmodel", "pretrainedmodel", "forcausallm", "forconditionalgeneration",
        "forsequenceclassification", "fortokenclassification", "forquestionanswering",
    ]

    private static func normalized(_ name: Substring) -> String {
        name.lowercased().replacingOccurrences(of: "_", with: "")
    }
}
