/// The expected content of a safetensors file, which determines the remedy if the file is of another kind or damaged.
package enum SafetensorsContent: Sendable {
    /// Preferences that `espalier-prepare` wrote.
    case preferences
    /// Weights of a model.
    case weights
    /// Weights of an adapter.
    case adapter
    /// Cached log-probabilities of a reference model.
    case referenceLogps
    /// Tensors of a checkpoint.
    case checkpoint
    /// Any tensors.
    case tensors

    var description: String {
        switch self {
        case .preferences: "preferences that espalier-prepare wrote"
        case .weights: "weights of a model in safetensors"
        case .adapter: "weights of an adapter in safetensors"
        case .referenceLogps: "a reference cache"
        case .checkpoint: "a checkpoint's tensors in safetensors"
        case .tensors: "a safetensors file"
        }
    }

    /// The remedy for a truncated or damaged file.
    var remedy: String {
        switch self {
        case .preferences: "copy the file again, or prepare it again with espalier-prepare"
        case .weights: "download or copy the model again"
        case .adapter: "download or copy the adapter again"
        case .referenceLogps: "remove the file to recompute it, or choose another --reference-cache"
        case .checkpoint: "resume from another checkpoint"
        case .tensors: "download or copy it again"
        }
    }

    /// The remedy for a type of elements that is not supported, after a semicolon; empty if there is none.
    var typeRemedy: String {
        guard self == .weights else { return "" }
        return "; convert the model to bfloat16 or float32, such as with save_pretrained of transformers"
    }

    /// The remedy for a file of another kind, nil if that is unknown.
    func conversion(of kind: FileKind?, at path: String) -> String {
        switch (self, kind) {
        case (.preferences, .json), (.preferences, .parquet), (.preferences, .compressed), (.preferences, .arrow),
            (.preferences, .text):
            "tokenize it first: espalier-prepare --model MODEL --data \(path) --output train.safetensors"
        case (.weights, .gguf): "convert it: espalier-import-gguf \(path) DIR"
        case (.weights, .pickle), (.weights, .zip):
            "convert the model to safetensors with save_pretrained of transformers"
        case (.preferences, .pointer): "fetch the file itself with git lfs pull, or prepare the data again"
        case (_, .pointer): "fetch the file itself with git lfs pull or hf download"
        case (.referenceLogps, .empty): remedy
        case (.referenceLogps, _): "choose another --reference-cache"
        default: remedy
        }
    }
}
