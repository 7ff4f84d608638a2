internal import Formats

extension ConfigurationReader {
    /// The rotary embedding, in the form of either generation of `transformers`: `rope_theta` with `rope_scaling` (4), or
    /// `rope_parameters` (5).
    ///
    /// - Parameter maxPositions: The positions that the model was made for, a default of some scalings.
    /// - Throws: `FormatError` that names the key of a scaling that is not supported.
    mutating func rotary(maxPositions: Int) throws -> Architecture.Rotary {
        try forbid("partial_rotary_factor", unless: 1)
        var theta = try number("rope_theta", default: 10_000)
        for key in ["rope_parameters", "rope_scaling"] {
            guard var inner = try nested(key) else { continue }
            for name in ["rope_type", "type"] where inner.has(name) {
                try inner.require(name, oneOf: ["default"])
            }
            try inner.forbid("partial_rotary_factor", unless: 1)
            theta = try inner.number("rope_theta", default: theta)
            try inner.finish()
        }
        return Architecture.Rotary(theta: theta)
    }
}
