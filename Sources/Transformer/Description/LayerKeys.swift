internal import Formats

/// The window of attention, and the layers that it limits.
extension ConfigurationReader {
    /// The key `sliding_window`, where null means none.
    mutating func window(default standard: Int?) throws -> Int? {
        if isNull("sliding_window") { return nil }
        guard has("sliding_window") || standard != nil else { return nil }
        return try size("sliding_window", atMost: Architecture.Limit.tokens, default: standard)
    }

    /// For each layer whether `layer_types` limits it to the window; by `standard` if the key is absent.
    mutating func slidingLayers(count: Int, default standard: (Int) throws -> Bool) throws -> [Bool] {
        let types = ["full_attention": false, "sliding_attention": true]
        let layers = try list("layer_types", of: types.keys.sorted().joined(separator: " or ")) {
            $0.string.flatMap { types[$0] }
        }
        guard let layers else { return try (0..<count).map(standard) }
        guard layers.count == count else {
            throw violation(
                "\(name("layer_types")) must have one entry for each of the num_hidden_layers (\(count)) layers, "
                    + "found \(layers.count)"
            )
        }
        return layers
    }

    /// For each layer whether it is limited to the window: all but every `n`th one, where `n` is a key.
    ///
    /// - Parameter alias: Keys by which versions of `transformers` also write `n`, without reading them.
    mutating func slidingLayers(
        count: Int,
        pattern key: String,
        default standard: Int,
        alias: [String]
    ) throws -> [Bool] {
        // With layer_types nothing reads the period.
        let isUnused = has("layer_types") && isNull(key)
        let period = isUnused ? standard : try size(key, atMost: Architecture.Limit.tokens, default: standard)
        for name in alias where has(name) {
            let same = try size(name, atMost: Architecture.Limit.tokens)
            guard same == period || has("layer_types") else {
                let other = described(key, "\(period)")
                throw violation("\(self.name(name)) (\(same)) and \(other) contradict each other; keep the right one")
            }
        }
        return try slidingLayers(count: count) { ($0 + 1) % period != 0 }
    }
}

extension Architecture {
    /// Limits layers to the window.
    ///
    /// - Parameters:
    ///   - layers: For each layer whether it is limited; nil for all.
    ///   - positions: The positions of a layer by its number and whether it is limited.
    mutating func setWindow(
        _ window: Int?,
        layers: [Bool]? = nil,
        _ reader: ConfigurationReader,
        positions: (Int, Bool) -> LayerKind.Positions = { _, _ in .global }
    ) throws {
        let layers = layers ?? Array(repeating: window != nil, count: layerCount)
        guard window != nil || !layers.contains(true) else {
            throw reader.violation(
                "\(reader.name("layer_types")) has sliding_attention, for which sliding_window is missing or disabled"
            )
        }
        self.window = layers.contains(true) ? window : nil
        let kinds = layers.enumerated().map { LayerKind(isWindowed: $1, positions: positions($0, $1)) }
        layerKinds = kinds.allSatisfy { $0 == LayerKind() } ? [] : kinds
        if !kinds.contains(where: { $0.positions == .local }) { localRotary = nil }
    }
}
