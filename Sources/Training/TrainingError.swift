/// A run cannot start or go on.
package enum TrainingError: Error, CustomStringConvertible, Equatable {
    /// A setting is out of range.
    case invalid(key: String, expected: String, found: String)
    /// A setting is of no use without another.
    case missing(key: String, for: String)
    /// Of some settings exactly one must be given.
    case notOne(of: [String], found: [String])
    /// Some rank would never have anything to do.
    case moreRanksThanRows(ranks: Int, rows: Int, isStep: Bool)
    /// The loss or its gradient is not a number.
    case notFinite(step: Int, loss: Double, gradientNorm: Double)
    /// A reference cache belongs to another model or other data.
    case foreignCache(path: String, what: String)

    package var description: String {
        switch self {
        case .invalid(let key, let expected, let found):
            return "\(key) must be \(expected), found \(found)"
        case .missing(let key, let other):
            return "\(other) needs \(key); give both, or neither"
        case .notOne(let options, let found):
            let given = found.isEmpty ? "none" : found.joined(separator: " and ")
            return "give one of \(options.joined(separator: ", ")); found \(given)"
        case .moreRanksThanRows(let ranks, let rows, let isStep):
            return "\(ranks) ranks for \(rows) preference rows \(isStep ? "in a step" : "in all"): some would never "
                + "have work; start at most \(rows) ranks\(isStep ? ", or raise --global-batch-size" : "")"
        case .notFinite(let step, let loss, let norm):
            return "step \(step): loss \(loss), gradient norm \(norm); the model was neither updated nor "
                + "written; lower --learning-rate, or look for broken weights"
        case .foreignCache(let path, let what):
            return "\(path): made for \(what); name another --reference-cache, or remove this one"
        }
    }
}
