internal import Formats

/// A model of text and images that contains a text model, which alone is trained; the other tensors pass through.
enum Wrapper {
    /// The spellings of names: `model.language_model.layers` with `lm_head`, and those of older versions.
    static let namings = [
        Naming([(of: "model.", spelling: "model.language_model.")]),
        Naming([
            (of: "model.", spelling: "language_model.model."), (of: "lm_head", spelling: "language_model.lm_head"),
        ]),
    ]

    /// Whether a tensor belongs to the model of images, or to the projection from it.
    static func isPassedThrough(_ tensorName: String) -> Bool {
        ["vision_tower.", "multi_modal_projector."].contains {
            tensorName.hasPrefix($0) || tensorName.hasPrefix("model." + $0)
        }
    }

    /// The architecture of the text model in `text_config`.
    ///
    /// - Parameter families: Those that the text model may belong to, all with Llama's names; the first by default.
    static func architecture(
        _ reader: inout ConfigurationReader,
        of families: [any Family.Type]
    ) throws -> Architecture {
        guard var text = try reader.nested("text_config") else { throw reader.missing("text_config") }
        let types = Dictionary(uniqueKeysWithValues: families.map { ($0.modelType, $0) })
        let family = try text.choice("model_type", of: types, default: families[0])
        var architecture = try family.architecture(&text)
        try text.finish(architecture)
        reader.addRemarks(of: text)
        // The text model has no head of its own. Its key decided in transformers 4, the outer one decides in 5 unless
        // the files hold a head that differs: together they state something only if they agree.
        let isTied = try reader.flag("tie_word_embeddings", default: true)
        let isStated = reader.has("tie_word_embeddings") || reader.isNull("tie_word_embeddings")
        reader.statesTies = isStated && isTied == architecture.tiesEmbeddings
        architecture.tiesEmbeddings = isTied
        reader.ignore(imageKeys)
        return architecture
    }

    /// What describes images, their place among tokens and their projection.
    private static let imageKeys = [
        "vision_config", "image_token_index", "image_token_id", "boi_token_index", "boi_token_id", "eoi_token_index",
        "eoi_token_id", "mm_tokens_per_image", "projector_hidden_act", "vision_feature_layer",
        "multimodal_projector_bias", "spatial_merge_size",
    ]
}
