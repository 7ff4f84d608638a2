/// One or more settings of other trainers that have the same counterpart here, or none for the same reason.
struct ForeignSetting: Sendable {
    /// What a translation does with the setting.
    enum Use: Sendable, Equatable {
        /// It is this setting here, with the same values.
        case renamed(String)
        /// A rule of `Translator` computes settings from it.
        case translated
        /// It says what data is prepared, or how.
        case prepared
        /// It cannot change what is learned, or only together with a setting that is refused itself.
        case ignored
        /// It would change what is learned, unless it has one of these values, in lower case, or is null.
        case refused(neutral: [String])
    }

    /// Names; one that ends in `*` stands for all with this beginning that are not in the table themselves.
    let names: [String]
    let use: Use
    /// The remedy for a file or command line of this program, in which `{key}` is a setting of this program.
    let remedy: String

    private init(_ names: String, _ use: Use, _ remedy: String) {
        (self.names, self.use, self.remedy) = (names.split(separator: " ").map(String.init), use, remedy)
    }

    static func renamed(_ names: String, _ key: String, _ remedy: String? = nil) -> Self {
        Self(names, .renamed(key), remedy ?? "use {\(key)}")
    }

    static func translated(_ names: String, _ remedy: String) -> Self { Self(names, .translated, remedy) }

    static func prepared(_ names: String, _ remedy: String) -> Self { Self(names, .prepared, remedy) }

    static func ignored(_ names: String, _ remedy: String) -> Self { Self(names, .ignored, remedy) }

    /// - Parameter neutral: Values that change nothing; by default those that turn something off.
    static func refused(_ names: String, _ remedy: String, neutral: [String] = off) -> Self {
        Self(names, .refused(neutral: neutral), remedy)
    }

    /// What a file may have of the setting, in an error.
    var expectation: String {
        guard case .refused(let neutral) = use, !neutral.isEmpty else { return "nothing" }
        return "nothing, or " + (neutral == Self.off ? "off" : neutral.joined(separator: " or "))
    }

    private static let off = ["false", "0", "0.0", "\"\"", "\"none\"", "[]", "{}"]
}
