/// The pieces that stand for single bytes in vocabularies of characters: `<0x00>` to `<0xFF>`.
enum ByteFallback {
    /// The piece of a byte.
    static func piece(of byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x" + (digits.count == 1 ? "0" : "") + digits + ">"
    }

    /// The byte that a piece stands for; nil for another piece.
    static func byte(of piece: String) -> UInt8? {
        guard piece.utf8.count == 6, piece.hasPrefix("<0x"), piece.hasSuffix(">") else { return nil }
        return UInt8(piece.dropFirst(3).dropLast(), radix: 16)
    }
}
