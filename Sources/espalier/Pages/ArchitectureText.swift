internal import Compute
internal import Foundation
internal import Reporting
internal import Transformer

/// An architecture in words: the lines of `espalier inspect` about what a model computes.
struct ArchitectureText {
    let model: Architecture

    /// Each line's label with its sentences.
    var lines: [(label: String, text: String)] {
        [
            ("layers", layers), ("attention", attention), ("feed-fwd", feedForward), ("norms", norms),
            ("rotary", rotary),
        ] + [("windows", windows), ("scales", scales)].compactMap { label, text in text.map { (label, $0) } } + [
            ("head", model.tiesEmbeddings ? "tied to the embedding" : "free, with weights of its own")
        ]
    }

    private var layers: String {
        "\(model.layerCount) of width \(model.width); vocabulary \(model.vocabularySize); "
            + "\(model.maxPositions) positions"
            + (model.longestPath < model.maxPositions ? ", paths of at most \(model.longestPath) tokens" : "")
    }

    // MARK: Branches

    private var attention: String {
        let attention = model.attention
        var parts = [
            "\(attention.heads) heads of \(attention.headWidth), \(counted(attention.keyValueHeads, "key/value head"))"
        ]
        switch attention.projection {
        case .separate: break
        case .fused: parts.append("query, key and value in one tensor")
        case .interleaved: parts.append("query, key and value in one tensor, head by head")
        }
        let biased = [(attention.hasInputBias, "query, key, value"), (attention.hasOutputBias, "output")]
        let biases = biased.filter(\.0).map(\.1).joined(separator: ", ")
        if !biases.isEmpty { parts.append("biases on \(biases)") }
        if let norm = attention.headNorm { parts.append(Self.text(of: norm)) }
        if let scale = attention.scoreScale { parts.append("scores times \(short(scale))") }
        if let cap = attention.scoreCap { parts.append("scores capped at \(short(cap))") }
        return parts.joined(separator: "; ")
    }

    private static func text(of norm: Architecture.HeadNorm) -> String {
        switch norm {
        case .sharedScale: "norms of query and key heads"
        case .ownScale: "norms of query and key heads, a scale for each head"
        case .joint: "norms of all query heads together, and of all key heads"
        }
    }

    private var feedForward: String {
        let feedForward = model.feedForward
        let activation =
            switch feedForward.activation {
            case .silu: "SiLU"
            case .gelu: "GELU"
            case .geluTanh: "GELU (tanh)"
            }
        let gate =
            feedForward.isPlain
            ? "without a gate" : feedForward.isFused ? "gated, gate and up in one tensor" : "gated"
        return "width \(feedForward.width), \(activation), \(gate)" + (feedForward.hasBias ? "; biases" : "")
    }

    private var norms: String {
        let norm = model.norm
        let kind = norm.subtractsMean ? "LayerNorm \(norm.hasBias ? "with" : "without") bias" : "RMSNorm"
        return "\(kind)\(norm.addsOne ? ", scale 1 + weight" : ""), ε \(norm.epsilon); \(places)"
    }

    private var places: String {
        switch model.branches {
        case .sequential: "before attention and before feed-forward"
        case .sandwiched: "before and after attention and feed-forward"
        case .postNormalized: "after attention and after feed-forward"
        case .parallel: "one before attention and feed-forward, which are parallel"
        case .parallelTwoNorms: "before attention and before feed-forward, which are parallel"
        }
    }

    private var scales: String? {
        let parts = [
            model.embeddingScale.map { "embeddings times \(short($0))" },
            model.residualScale.map { "branches times \(short($0))" },
            model.logitScale.map { "logits times \(short($0))" },
            model.logitCap.map { "logits capped at \(short($0))" },
        ].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    // MARK: Kinds of layers

    private var windows: String? {
        guard let window = model.window else { return nil }
        let (windowed, others) = (layers { $0.isWindowed }, layers { !$0.isWindowed })
        var text = "\(counted(window, "token")) in "
        if others.isEmpty {
            text += "all layers"
        } else {
            text += "\(windowed.count) of \(model.layerCount) layers, "
            text += others.count < windowed.count ? "all but \(place(others))" : place(windowed)
        }
        return text + (window >= model.longestPath ? "; no path is longer" : "")
    }

    private var rotary: String {
        perLayer([
            (text(of: model.rotary), { $0.positions == .global }),
            (model.localRotary.map(text) ?? "", { $0.positions == .local }),
            ("no rotation", { $0.positions == .none }),
        ])
    }

    private func text(of rotary: Architecture.Rotary) -> String {
        var text = "θ \(short(Float(rotary.theta)))"
        if let scaling = rotary.scaling { text += ", \(Self.text(of: scaling))" }
        if let width = rotary.rotatedWidth { text += ", \(width) of a head's \(model.attention.headWidth) elements" }
        if rotary.pairsNeighbours { text += ", pairs of neighbours" }
        if let factor = rotary.attentionFactor { text += ", cosines and sines times \(short(factor))" }
        return text
    }

    private static func text(of scaling: Architecture.Rotary.Scaling) -> String {
        switch scaling {
        case .linear(let factor): "linear by \(short(factor))"
        case .llama3(let factor, _, _, let length): "llama3 by \(short(factor)) from \(short(length)) positions"
        case .yarn(let factor, _, _): "yarn by \(short(factor))"
        case .longrope(_, let length): "longrope within \(length) positions"
        }
    }

    /// What differs between layers: the rarer kinds with their layers, and then the most frequent kind.
    private func perLayer(_ kinds: [(text: String, isKind: (Architecture.LayerKind) -> Bool)]) -> String {
        let groups = kinds.map { kind in
            (text: kind.text, layers: layers(kind.isKind))
        }
        .filter { !$0.layers.isEmpty }
        .sorted { $0.layers.count < $1.layers.count }
        guard groups.count > 1, let last = groups.last else { return groups.first?.text ?? "" }
        let others = last.layers.count == 1 ? "the other layer" : "the other \(last.layers.count) layers"
        return (groups.dropLast().map { "\($0.text) in \(place($0.layers))" } + ["\(last.text) in \(others)"])
            .joined(separator: "; ")
    }

    private func layers(_ isIncluded: (Architecture.LayerKind) -> Bool) -> [Int] {
        (0..<model.layerCount).filter { isIncluded(model.kind(ofLayer: $0)) }
    }

    /// Layers by their numbers, from 0 as in the names of tensors.
    private func place(_ layers: [Int]) -> String {
        let (first, last) = (layers[0], layers[layers.count - 1])
        let gaps = Set(zip(layers, layers.dropFirst()).map { $1 - $0 })
        if layers.count > 2, gaps.count == 1, let gap = gaps.first, gap > 1 {
            return "every \(ordinal(gap)) layer from \(first)" + (last + gap < model.layerCount ? " to \(last)" : "")
        }
        var runs: [ClosedRange<Int>] = []
        for layer in layers {
            if let run = runs.last, run.upperBound + 1 == layer {
                runs[runs.count - 1] = run.lowerBound...layer
            } else {
                runs.append(layer...layer)
            }
        }
        let numbers = runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" }
        return "layer\(layers.count == 1 ? "" : "s") \(numbers.joined(separator: ", "))"
    }

    private func ordinal(_ number: Int) -> String { "\(number)\([2: "nd", 3: "rd"][number] ?? "th")" }
}

/// A number with at most six digits: `0.0625`, `500000`.
private func short(_ number: Float) -> String {
    let whole = Int(exactly: number)
    return whole.map { "\($0)" } ?? String(format: "%.6g", Double(number))
}
