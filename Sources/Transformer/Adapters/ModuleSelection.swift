/// Modules of a model by their names, as PEFT selects them.
package enum ModuleSelection: Sendable, Equatable {
    /// `all-linear`: every linear layer but the vocabulary projection.
    case allLinear
    /// Modules whose name is one of these, or ends in one of them after a dot.
    case names([String])
    /// Modules whose whole name this regular expression matches.
    case pattern(String)

    /// The selection of a string in PEFT's settings: `all-linear` in any case, otherwise a regular expression.
    package init(_ text: String) {
        self = text.lowercased() == Self.allLinearName ? .allLinear : .pattern(text)
    }

    /// PEFT's name of all linear layers.
    static let allLinearName = "all-linear"

    /// The selection as in a file, on one line.
    var text: String {
        switch self {
        case .allLinear: return Self.allLinearName
        case .names(let names): return "[" + names.joined(separator: ", ") + "]"
        case .pattern(let pattern): return pattern
        }
    }

    /// A test of names, with the regular expression compiled once.
    ///
    /// - Throws: `ModulePattern.Fault` for a string that is no regular expression.
    func matcher() throws -> Matcher {
        switch self {
        case .allLinear: return Matcher { _ in .suffix }
        case .names(let names):
            let set = Set(names)
            return Matcher { name in
                if set.contains(name) { return .whole }
                return ModulePattern.ends(of: name).contains { set.contains($0) } ? .suffix : nil
            }
        case .pattern(let text):
            let pattern = try ModulePattern(text)
            return Matcher { pattern.matches($0) ? .whole : nil }
        }
    }

    /// How a selection matches a name.
    enum Match {
        /// By its whole name, which no restriction to layers applies to.
        case whole
        /// By its end.
        case suffix
    }

    struct Matcher {
        /// How the selection matches a name; nil if it does not.
        let match: (String) -> Match?
    }
}
