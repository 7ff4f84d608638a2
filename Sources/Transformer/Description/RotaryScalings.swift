internal import Formats
internal import Foundation

/// The scalings of a rotary embedding, within their object.
///
/// Numbers that do not depend on the pair are computed in float64, as Python computes them.
extension ConfigurationReader {
    /// The type of scaling, by its key of `transformers` 5 or that of 4.
    mutating func rotaryType(_ types: [String: RotaryKeys.Scaling]) throws -> RotaryKeys.Scaling {
        let found = try ["rope_type", "type"].filter(has).map { try choice($0, of: types, default: .standard) }
        guard Set(found).count <= 1 else {
            throw violation("\(name("rope_type")) and \(name("type")) contradict each other; keep the right one")
        }
        return found.first ?? .standard
    }

    /// Whether the scaling has an original length; an unknown type is refused later.
    func readsOriginalLength(_ keys: RotaryKeys) -> Bool {
        var reader = self
        guard let type = try? reader.rotaryType(keys.types) else { return false }
        return type == .llama3 || type == .yarn || type == .longrope
    }

    /// Reads the scaling of frequencies of heads of which `width` elements rotate.
    mutating func readScaling(
        into rotary: inout Architecture.Rotary,
        width: Int,
        originalLength: Int,
        _ context: RotaryContext
    ) throws {
        switch try rotaryType(context.keys.types) {
        case .standard: break
        case .linear: rotary.scaling = .linear(factor: Float(try number("factor")))
        case .dynamic: rotary.theta = try dynamicBase(rotary.theta, width: width, length: context.maxPositions)
        case .llama3: rotary.scaling = try llama3(originalLength: originalLength)
        case .yarn:
            // Of older code for YaRN, in which true means frequencies that do not depend on the length.
            try allow("finetuned", only: .flag(true))
            let scale = try scale(originalLength, context)
            rotary.scaling = try yarn(scale, theta: rotary.theta, width: width, originalLength, context)
            let standard = try yarnFactor(scale)
            rotary.attentionFactor = try attentionFactor(standard)
        case .longrope:
            rotary.scaling = .longrope(
                factors: try numbers("short_factor", count: width / 2),
                originalLength: originalLength
            )
            _ = try numbers("long_factor", count: width / 2)
            let scale = try optionalNumber("factor") ?? Double(context.maxPositions) / Double(originalLength)
            let length = Double(originalLength)
            rotary.attentionFactor = try attentionFactor(scale <= 1 ? 1 : (1 + log(scale) / log(length)).squareRoot())
        }
    }

    /// The factor of positions, which is the ratio of lengths if the key is null.
    private mutating func scale(_ originalLength: Int, _ context: RotaryContext) throws -> Double {
        isNull("factor") ? Double(context.maxPositions) / Double(originalLength) : try number("factor")
    }

    /// The base within the context length, which is `theta` up to rounding.
    ///
    /// Beyond the length the base would depend on the longest sequence of a batch.
    private mutating func dynamicBase(_ theta: Double, width: Int, length: Int) throws -> Double {
        let (factor, length) = (try number("factor"), Double(length))
        guard width > 2 else { throw violation("\(name("rope_type")) = dynamic needs heads of more than 2 elements") }
        let base = theta * pow(factor * length / length - (factor - 1), Double(width) / Double(width - 2))
        guard Float(base).isFinite, Float(base) > 0 else {
            throw violation(
                "\(name("factor")) = \(factor) is not supported: the base of the rotary embedding overflows"
            )
        }
        return base
    }

    private mutating func llama3(originalLength: Int) throws -> Architecture.Rotary.Scaling {
        let factor = try number("factor")
        let (low, high) = (try number("low_freq_factor"), try number("high_freq_factor"))
        guard low < high else {
            throw violation("low_freq_factor (\(low)) must be below high_freq_factor (\(high))")
        }
        return .llama3(
            factor: Float(factor),
            low: Float(low),
            high: Float(high),
            originalLength: Float(originalLength)
        )
    }

    /// YaRN: the pairs between which frequencies change from extrapolation to interpolation.
    private mutating func yarn(
        _ factor: Double,
        theta: Double,
        width: Int,
        _ originalLength: Int,
        _ context: RotaryContext
    ) throws -> Architecture.Rotary.Scaling {
        let rotations = (fast: try optionalNumber("beta_fast") ?? 32, slow: try optionalNumber("beta_slow") ?? 1)
        func pair(_ rotations: Double) -> Double {
            Double(width) * log(Double(originalLength) / (rotations * 2 * Double.pi)) / (2 * log(theta))
        }
        var (start, end) = (pair(rotations.fast), pair(rotations.slow))
        // With a table for each kind of layer, transformers looks for the key outside of theirs.
        let truncates = try flag("truncate", default: true) || context.keys.sliding != nil
        if truncates { (start, end) = (start.rounded(.down), end.rounded(.up)) }
        (start, end) = (max(start, 0), min(end, Double(width - 1)))
        if start == end { end += 0.001 }
        guard Float(start).isFinite, Float(end).isFinite, Float(end - start) != 0 else {
            throw violation("\(name("rope_type")) = yarn needs a rope_theta above 1, found \(theta)")
        }
        return .yarn(factor: Float(factor), start: start, end: end)
    }

    /// YaRN's factor of cosines and sines, unless a key gives it.
    private mutating func yarnFactor(_ scale: Double) throws -> Double {
        func magnitude(_ share: Double) -> Double { scale <= 1 ? 1 : 0.1 * share * log(scale) + 1 }
        guard let share = try optionalNumber("mscale"), let all = try optionalNumber("mscale_all_dim") else {
            ignore(["mscale", "mscale_all_dim"])
            return magnitude(1)
        }
        return magnitude(share) / magnitude(all)
    }

    /// The factor of cosines and sines; nil for 1.
    private mutating func attentionFactor(_ standard: Double) throws -> Float? {
        let value = try optionalNumber("attention_factor") ?? standard
        guard Float(value).isFinite, Float(value) > 0 else {
            throw violation("\(name("original_max_position_embeddings")) is not supported: it must be above 1")
        }
        return factor(value)
    }
}
