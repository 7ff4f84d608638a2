internal import Formats

/// The text of pieces.
struct TokenDecoder: Sendable {
    private enum Step: Sendable {
        case byteLevel
        case byteFallback
        case fuse
        case metaspace(mark: TokenPattern, removesFirst: Bool)
        case replace(TokenPattern, by: String)
        case strip(Unicode.Scalar, start: Int, stop: Int)
    }

    private let steps: [Step]

    init(_ value: JSONValue?) throws {
        steps = try Self.steps(value)
    }

    private static func steps(_ value: JSONValue?) throws -> [Step] {
        guard let value, value != .null else { return [] }
        let component = "decoder"
        switch value.type {
        case "Sequence": return try (value["decoders"]?.array ?? []).flatMap(steps)
        case "ByteLevel": return [.byteLevel]
        case "ByteFallback": return [.byteFallback]
        case "Fuse": return [.fuse]
        case "Metaspace":
            let mark = JSONValue.object(["String": value["replacement"] ?? .string("▁")])
            let scheme = value["prepend_scheme"]?.string
            let removes = scheme.map { $0 != "never" } ?? value["add_prefix_space"]?.flag ?? true
            return [.metaspace(mark: try TokenPattern(mark, of: component), removesFirst: removes)]
        case "Replace":
            return [.replace(try TokenPattern(value["pattern"], of: component), by: value["content"]?.string ?? "")]
        case "Strip":
            guard let content = value["content"]?.string?.unicodeScalars, content.count == 1 else {
                throw TokenizerFault.invalid(component, "content", "one character", value["content"])
            }
            let (start, stop) = (value["start"]?.wholeNumber ?? 0, value["stop"]?.wholeNumber ?? 0)
            return [.strip(content[content.startIndex], start: start, stop: stop)]
        default:
            let supported = ["Sequence", "ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Replace", "Strip"]
            throw TokenizerFault.unsupported(component, value.type, supported)
        }
    }

    /// The text of pieces; without a decoder they are separated by spaces, as the library does.
    func text(_ pieces: [String]) -> String {
        guard !steps.isEmpty else { return pieces.joined(separator: " ") }
        return steps.reduce(pieces) { Self.apply($1, $0) }.joined()
    }

    private static func apply(_ step: Step, _ pieces: [String]) -> [String] {
        switch step {
        case .byteLevel: return [String(decoding: pieces.flatMap(ByteLevel.decode), as: UTF8.self)]
        case .byteFallback: return withBytes(pieces)
        case .fuse: return [pieces.joined()]
        case .replace(let pattern, let content): return pieces.map { pattern.replacing(in: $0, with: content) }
        case .metaspace(let mark, let removesFirst):
            return pieces.enumerated().map { index, piece in
                let text = mark.replacing(in: piece, with: " ")
                return index == 0 && removesFirst && text.hasPrefix(" ") ? String(text.dropFirst()) : text
            }
        case .strip(let character, let start, let stop):
            return pieces.map { stripped($0, character, start: start, stop: stop) }
        }
    }

    /// Removes up to `start` and `stop` of a character at the ends.
    private static func stripped(_ piece: String, _ character: Unicode.Scalar, start: Int, stop: Int) -> String {
        var scalars = piece.unicodeScalars[...]
        scalars = scalars.dropFirst(scalars.prefix(start).prefix { $0 == character }.count)
        return String(scalars.dropLast(scalars.suffix(stop).reversed().prefix { $0 == character }.count))
    }

    /// Joins runs of pieces that stand for bytes to their text; each byte of a run that is no UTF-8 becomes U+FFFD.
    private static func withBytes(_ pieces: [String]) -> [String] {
        var result: [String] = []
        var run: [UInt8] = []
        func finishRun() {
            guard !run.isEmpty else { return }
            result += String(validating: run, as: UTF8.self).map { [$0] } ?? run.map { _ in "\u{FFFD}" }
            run = []
        }
        for piece in pieces {
            if let byte = ByteFallback.byte(of: piece) {
                run.append(byte)
            } else {
                finishRun()
                result.append(piece)
            }
        }
        finishRun()
        return result
    }
}
