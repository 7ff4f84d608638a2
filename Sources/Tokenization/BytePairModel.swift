internal import Formats

/// Byte pair encoding: a word is divided into characters, and adjacent pieces are merged in the order of the merges.
///
/// Sennrich, Haddow & Birch 2016. A character without a piece is encoded by its UTF-8 bytes, if the vocabulary has pieces
/// for them (`byte_fallback`), otherwise as the unknown token, or not at all if there is none.
struct BytePairModel: Sendable {
    private struct Merge: Sendable {
        let rank: Int32
        let result: Int32
    }

    private let tokens: [[UInt8]: Int32]
    private let pieces: [Int32: [UInt8]]
    private let merges: [UInt64: Merge]
    private let unknown: Int32?
    private let fusesUnknown: Bool
    private let fallsBackToBytes: Bool
    private let ignoresMerges: Bool

    init(_ model: [String: JSONValue], vocabulary: [[UInt8]: Int32]) throws {
        let component = "model"
        guard model["type"]?.string ?? "BPE" == "BPE", !vocabulary.isEmpty else {
            throw TokenizerFault.unsupported(component, model["type"]?.string, ["BPE"])
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let affix = model[key]?.string, !affix.isEmpty {
                throw TokenizerFault.invalid(component, key, "empty", .string(affix))
            }
        }
        tokens = vocabulary
        pieces = Dictionary(vocabulary.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        merges = try Self.merges(model["merges"], vocabulary)
        unknown = model["unk_token"]?.string.flatMap { vocabulary[Array($0.utf8)] }
        fusesUnknown = model["fuse_unk"]?.flag ?? false
        fallsBackToBytes = model["byte_fallback"]?.flag ?? false
        ignoresMerges = model["ignore_merges"]?.flag ?? false
    }

    /// The merges by the tokens of their two pieces; the file has each as a pair, or as a text with a space in between.
    private static func merges(_ value: JSONValue?, _ vocabulary: [[UInt8]: Int32]) throws -> [UInt64: Merge] {
        let list = value?.array ?? []
        var merges: [UInt64: Merge] = [:]
        merges.reserveCapacity(list.count)
        for (rank, entry) in list.enumerated() {
            let halves =
                entry.array.map { $0.compactMap(\.string).map { Array($0.utf8) } }
                ?? entry.string.map { $0.utf8.split(separator: UInt8(ascii: " ")).map { Array($0) } } ?? []
            guard halves.count == 2, let left = vocabulary[halves[0]], let right = vocabulary[halves[1]],
                let result = vocabulary[halves[0] + halves[1]]
            else {
                throw TokenizerFault.invalid("model", "merges", "pairs of pieces of the vocabulary", entry)
            }
            // Of two equal merges the library keeps the last one.
            merges[key(left, right)] = Merge(rank: Int32(rank), result: result)
        }
        return merges
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The piece of a token; nil for a token that the vocabulary does not have.
    func piece(of token: Int32) -> String? { pieces[token].map { String(decoding: $0, as: UTF8.self) } }

    /// The tokens of a word.
    func encode(_ word: String) -> [Int32] {
        if ignoresMerges, let token = tokens[Array(word.utf8)] { return [token] }
        return merged(characters(word))
    }

    private func characters(_ word: String) -> [Int32] {
        var symbols: [Int32] = []
        var isUnknown = false
        for scalar in word.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            if let token = tokens[bytes] {
                symbols.append(token)
                isUnknown = false
            } else if let bytes = byteTokens(bytes) {
                symbols += bytes
                isUnknown = false
            } else if let unknown, !(isUnknown && fusesUnknown) {
                symbols.append(unknown)
                isUnknown = true
            }
        }
        return symbols
    }

    /// The tokens of single bytes; nil if the vocabulary does not have all of them.
    private func byteTokens(_ bytes: [UInt8]) -> [Int32]? {
        guard fallsBackToBytes else { return nil }
        let found = bytes.compactMap { tokens[Array(ByteFallback.piece(of: $0).utf8)] }
        return found.count == bytes.count ? found : nil
    }

    /// Applies merges, the one of the lowest rank first, and of equal ones the leftmost.
    private func merged(_ symbols: [Int32]) -> [Int32] {
        var symbols = symbols
        var candidates = zip(symbols, symbols.dropFirst()).map { merges[Self.key($0, $1)] }
        while true {
            var best: (index: Int, merge: Merge)?
            for (index, candidate) in candidates.enumerated() {
                if let candidate, candidate.rank < best?.merge.rank ?? .max { best = (index, candidate) }
            }
            guard let (index, merge) = best else { return symbols }
            symbols[index] = merge.result
            symbols.remove(at: index + 1)
            candidates.remove(at: index)
            if index > 0 { candidates[index - 1] = merges[Self.key(symbols[index - 1], merge.result)] }
            if index < candidates.count { candidates[index] = merges[Self.key(merge.result, symbols[index + 1])] }
        }
    }
}
