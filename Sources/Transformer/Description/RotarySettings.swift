internal import Formats

/// The keys of a family's rotary embedding, and their defaults.
struct RotaryKeys {
    /// The base, by its key at the top level.
    var theta = (key: "rope_theta", value: 10_000.0)
    /// The base of layers with a window, if they have an embedding of their own; scalings hold for the others only.
    var sliding: (key: String?, value: Double)?
    /// The part of a head that rotates, by its key at the top level; nil if only whole heads do.
    var partialFactor: (key: String, value: Double)?
    /// The supported scalings by name.
    var types = RotaryKeys.standard
    /// The length before scaling, if the family has a key for it at the top level, which takes precedence.
    var originalLength: (key: String, value: Int)?

    /// How frequencies are scaled.
    enum Scaling { case standard, linear, dynamic, llama3, yarn, longrope }

    private static let standard: [String: Scaling] = [
        "default": .standard, "linear": .linear, "dynamic": .dynamic, "llama3": .llama3, "yarn": .yarn,
        "longrope": .longrope,
    ]
}

extension ConfigurationReader {
    /// The rotary embedding, and that of layers with a window if the family distinguishes them, in the form of
    /// `transformers` 4 (`rope_theta` with `rope_scaling`) or 5 (`rope_parameters`).
    ///
    /// - Parameter maxPositions: The model's context length, a default of some scalings.
    /// - Throws: `FormatError` that names the key of an unsupported scaling.
    mutating func rotary(
        _ keys: RotaryKeys,
        headWidth: Int,
        maxPositions: Int
    ) throws -> (Architecture.Rotary, sliding: Architecture.Rotary?) {
        let context = RotaryContext(keys: keys, headWidth: headWidth, maxPositions: maxPositions)
        guard let sliding = keys.sliding else {
            return (try rotary(try rotaryObject(), context), nil)
        }
        let (full, local) = try rotaryObjects()
        if sliding.key == nil, local?.has("rope_theta") != true { try requireDefaultBase(sliding.value) }
        var localKeys = keys
        localKeys.theta = (sliding.key ?? keys.theta.key, sliding.value)
        let localContext = RotaryContext(keys: localKeys, headWidth: headWidth, maxPositions: maxPositions)
        return (try rotary(full, context), sliding: try rotary(local, localContext))
    }

    /// The one object with settings; nil if there is none.
    private mutating func rotaryObject() throws -> ConfigurationReader? {
        let (parameters, scaling) = (try nested("rope_parameters"), try nested("rope_scaling"))
        if let parameters, let scaling, !parameters.isEqual(to: scaling) {
            throw violation(
                "\(name("rope_parameters")) and \(name("rope_scaling")) may contradict each other; keep one of them"
            )
        }
        return parameters ?? scaling
    }

    /// The objects with settings of layers without a window and with one.
    private mutating func rotaryObjects() throws -> (full: ConfigurationReader?, sliding: ConfigurationReader?) {
        guard var parameters = try nested("rope_parameters") else { return (try nested("rope_scaling"), nil) }
        guard try nested("rope_scaling") == nil else {
            throw violation(
                "\(name("rope_parameters")) and \(name("rope_scaling")) may contradict each other; keep one of them"
            )
        }
        let objects = (try parameters.nested("full_attention"), try parameters.nested("sliding_attention"))
        try parameters.finish()
        return objects
    }

    /// Refuses a base at the top level that transformers 4 uses in all layers and 5 in those without a window only.
    private mutating func requireDefaultBase(_ standard: Double) throws {
        let theta = try number("rope_theta", default: standard)
        guard theta == standard else {
            throw violation(
                "\(name("rope_theta")) = \(theta) means all layers in transformers 4, those of full_attention in 5; "
                    + "give rope_parameters with full_attention and sliding_attention instead"
            )
        }
    }

    private mutating func rotary(
        _ object: ConfigurationReader?,
        _ context: RotaryContext
    ) throws -> Architecture.Rotary {
        var inner = object ?? ConfigurationReader(none: self)
        let keys = context.keys
        var rotary = Architecture.Rotary(theta: try base(&inner, keys))
        let width = try rotatedWidth(&inner, context)
        rotary.rotatedWidth = width == context.headWidth ? nil : width
        let length = try originalLength(&inner, context)
        try inner.readScaling(into: &rotary, width: width, originalLength: length, context)
        try inner.finish()
        return rotary
    }

    /// The base, in the object or at the top level.
    private mutating func base(_ inner: inout ConfigurationReader, _ keys: RotaryKeys) throws -> Double {
        let (key, outer) = ("rope_theta", try optionalNumber(keys.theta.key))
        // A null in the object is no base, whatever is outside of it.
        guard !inner.isNull(key) else { return try inner.number(key, default: outer ?? keys.theta.value) }
        let nested = try inner.agreed(key, with: outer, described(keys.theta.key, outer))
        let base = try nested ?? outer ?? number(keys.theta.key, default: keys.theta.value)
        // A second name of the same base.
        if keys.theta.key != key, keys.sliding == nil {
            let place = nested == nil ? described(keys.theta.key, base) : inner.described(key, base)
            _ = try agreed(key, with: base, place)
        }
        return base
    }

    /// The elements of a head that rotate, rounded down as `transformers` does.
    private mutating func rotatedWidth(_ inner: inout ConfigurationReader, _ context: RotaryContext) throws -> Int {
        guard let key = context.keys.partialFactor else {
            try allow("partial_rotary_factor", only: .number("1"))
            try inner.allow("partial_rotary_factor", only: .number("1"))
            return context.headWidth
        }
        let outer = try optionalNumber(key.key)
        let name = "partial_rotary_factor"
        let nested = try inner.agreed(name, with: outer, described(key.key, outer))
        let share = nested ?? outer ?? key.value
        if key.key != name {
            let place = nested == nil ? described(key.key, share) : inner.described(name, share)
            _ = try agreed(name, with: share, place)
        }
        let width = share <= 1 ? Int(Double(context.headWidth) * share) : 0
        guard width > 0, width % 2 == 0 else {
            throw violation(
                "\(self.name(key.key)) (\(share)) of head_dim (\(context.headWidth)) must be an even number of elements, "
                    + "and at most all"
            )
        }
        return width
    }

    /// The length before scaling, where a scaling reads it; the model's length if no key has it.
    private mutating func originalLength(_ inner: inout ConfigurationReader, _ context: RotaryContext) throws -> Int {
        let (most, key) = (Architecture.Limit.tokens, "original_max_position_embeddings")
        guard let outer = context.keys.originalLength else {
            return inner.readsOriginalLength(context.keys)
                ? try inner.size(key, atMost: most, default: context.maxPositions) : context.maxPositions
        }
        let length = try size(outer.key, atMost: most, default: outer.value)
        // A null in the object is overridden as well.
        let nested = inner.isNull(key) ? length : try inner.size(key, atMost: most, default: length)
        guard nested == length else {
            throw violation(
                "\(described(outer.key, length)) and \(inner.name(key)) (\(nested)) contradict each other; "
                    + "keep the right one"
            )
        }
        return length
    }

    /// A number that must not contradict that of another key, which `place` describes; nil if it is absent.
    fileprivate mutating func agreed(_ key: String, with other: Double?, _ place: String) throws -> Double? {
        guard let number = try optionalNumber(key) else { return nil }
        guard other == nil || other == number else {
            throw violation(
                "\(name(key)) (\(number)) and \(place) contradict each other; keep the right one"
            )
        }
        return number
    }
}

/// What the settings of a rotary embedding depend on.
struct RotaryContext {
    let keys: RotaryKeys
    let headWidth: Int
    /// The model's context length.
    let maxPositions: Int
}
