/// A run cannot start or go on.
package enum TrainingError: Error, CustomStringConvertible, Equatable {
    /// A setting is out of range.
    case invalid(key: String, expected: String, found: String)
    /// A sequence has more positions than the model.
    case sequenceTooLong(found: Int, limit: Int, model: String)
    /// Some rank would never have anything to do.
    case moreRanksThanRows(ranks: Int, rows: Int, what: String)
    /// The loss or its gradient is not a number.
    case notFinite(step: Int, loss: Double, gradientNorm: Double)
    /// A reference cache belongs to another model or other data.
    case foreignCache(path: String, what: String)
    /// There is not enough room for the output.
    case noRoom(path: String, needed: Int, free: Int)

    package var description: String {
        switch self {
        case .invalid(let key, let expected, let found):
            return "\(key) must be \(expected), found \(found)"
        case .sequenceTooLong(let found, let limit, let model):
            return "the data has a sequence of \(found) tokens, the model in \(model) takes \(limit); "
                + "prepare the data with --max-length \(limit)"
        case .moreRanksThanRows(let ranks, let rows, let what):
            return "\(ranks) ranks for \(rows) preference pairs in \(what): some would never have work; "
                + "start fewer ranks, or raise --global-batch-size"
        case .notFinite(let step, let loss, let norm):
            return "step \(step): loss \(loss), gradient norm \(norm); the model was not updated and nothing was "
                + "written; lower --learning-rate, or look for broken weights"
        case .foreignCache(let path, let what):
            return "\(path): made for \(what); name another --reference-cache, or remove this one"
        case .noRoom(let path, let needed, let free):
            return "\(path): the model needs \(needed >> 20) MiB, \(free >> 20) MiB are free; free some space or "
                + "choose another --output"
        }
    }
}
