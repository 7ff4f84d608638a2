/// GPT-2's alphabet, in which each byte is a visible character: printable characters of Latin-1 stand for themselves, the
/// other bytes, in their order, for those from U+0100 on.
///
/// Radford et al. 2019.
enum ByteLevel {
    /// GPT-2's division of text into words.
    static let words = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    private static let characters: [Unicode.Scalar] = {
        let visible: [ClosedRange<UInt32>] = [0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF]
        var next: UInt32 = 0x100
        return (UInt32(0)...0xFF).compactMap { byte in
            if visible.contains(where: { $0.contains(byte) }) { return Unicode.Scalar(byte) }
            defer { next += 1 }
            return Unicode.Scalar(next)
        }
    }()

    private static let bytes = Dictionary(uniqueKeysWithValues: characters.enumerated().map { ($1, UInt8($0)) })

    /// The bytes of a text as characters.
    static func encode(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for byte in text.utf8 { result.append(characters[Int(byte)]) }
        return String(result)
    }

    /// The bytes that the characters of a piece stand for; those of its text if one of them stands for none.
    static func decode(_ piece: String) -> [UInt8] {
        let decoded = piece.unicodeScalars.compactMap { bytes[$0] }
        return decoded.count == piece.unicodeScalars.count ? decoded : Array(piece.utf8)
    }
}
