internal import Formats

extension ConfigurationReader {
    /// The rotary embedding, in the form of `transformers` 4 (`rope_theta` with `rope_scaling`) or 5
    /// (`rope_parameters`).
    ///
    /// - Parameter maxPositions: The model's context length, a default of some scalings.
    /// - Throws: `FormatError` that names the key of an unsupported scaling.
    mutating func rotary(maxPositions: Int) throws -> Architecture.Rotary {
        try forbid("partial_rotary_factor", unless: 1)
        var theta = try number("rope_theta", default: 10_000)
        var scaling: Architecture.Rotary.Scaling?
        if isFilled("rope_parameters"), isFilled("rope_scaling") {
            throw violation("rope_parameters and rope_scaling may contradict each other; keep one of them")
        }
        for key in ["rope_parameters", "rope_scaling"] {
            guard var inner = try nested(key) else { continue }
            let types = try ["rope_type", "type"].filter { inner.has($0) }
                .map { try inner.require($0, oneOf: ["default", "llama3"]) }
            guard Set(types).count <= 1 else {
                throw violation("\(key).rope_type and \(key).type contradict each other; keep the right one")
            }
            if types.first == "llama3" { scaling = try inner.llama3(maxPositions: maxPositions) }
            try inner.forbid("partial_rotary_factor", unless: 1)
            theta = try inner.number("rope_theta", default: theta)
            try inner.finish()
        }
        return Architecture.Rotary(theta: theta, scaling: scaling)
    }

    private mutating func llama3(maxPositions: Int) throws -> Architecture.Rotary.Scaling {
        let factor = try number("factor")
        let (low, high) = (try number("low_freq_factor"), try number("high_freq_factor"))
        guard low < high else {
            throw violation("low_freq_factor (\(low)) must be below high_freq_factor (\(high))")
        }
        let most = Architecture.Limit.tokens
        let length = try size("original_max_position_embeddings", atMost: most, default: maxPositions)
        return .llama3(factor: Float(factor), low: Float(low), high: Float(high), originalLength: Float(length))
    }
}
