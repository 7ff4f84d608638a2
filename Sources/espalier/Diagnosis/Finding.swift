/// The result of one check.
struct Finding {
    enum Verdict: String {
        case sound = "✓"
        /// Works, but costs speed or needs a look.
        case warning = "!"
        /// Fails, or runs several times slower than possible.
        case fault = "✗"
    }

    let subject: String
    let verdict: Verdict
    let found: String
    /// What to change; nil if nothing needs to change.
    let remedy: String?
    /// Whether `found` is an amount that other programs change at any moment.
    let fluctuates: Bool

    init(_ subject: String, _ verdict: Verdict, _ found: String, fluctuates: Bool = false, remedy: String? = nil) {
        self.subject = subject
        self.verdict = verdict
        self.found = found
        self.remedy = remedy
        self.fluctuates = fluctuates
    }

    var text: String {
        let gap = String(repeating: " ", count: max(1, 14 - subject.count))
        let line = "\(verdict.rawValue) \(subject)\(gap)\(found)"
        return remedy.map { line + "\n    → \($0)" } ?? line
    }

    /// Everything but amounts that fluctuate, by which equal reports of ranks are merged.
    var gist: String {
        [verdict.rawValue, subject, fluctuates ? "" : found, remedy ?? ""].joined(separator: "\n")
    }
}
