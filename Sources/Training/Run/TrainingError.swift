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
    /// Ranks would have different numbers of shards.
    case unevenShards(shards: Int, ranks: Int)
    /// The loss or its gradient is not a number; of the rows of the data those whose loss is none.
    case notFinite(step: Int, loss: Double, gradientNorm: Double, rows: [Int])
    /// A reference cache belongs to another model or other data.
    case foreignCache(path: String, what: String)
    /// A reference cache has changed since it was written.
    case damagedCache(path: String)
    /// A checkpoint belongs to another run.
    case foreignCheckpoint(path: String, what: String)
    /// There are checkpoints, and all are damaged or another run's.
    case noUsableCheckpoint(path: String)
    /// The weights have come apart.
    case ranksDiffer(step: Int, rank: Int)
    /// Loss or gradient has leapt once more than a run goes back for.
    case spikes(step: Int, rollbacks: Int)

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
        case .unevenShards(let shards, let ranks):
            return "\(shards) shards cannot be divided over \(ranks) ranks; start a power of two of them, "
                + "at most \(shards), or leave --shards out"
        case .notFinite(let step, let loss, let norm, let rows):
            return
                "step \(step): loss \(Self.text(loss)), gradient norm \(Self.text(norm)), \(Self.list(rows)); "
                + "the model was neither updated nor written; lower --learning-rate, or look for broken weights"
        case .foreignCache(let path, let what):
            return "\(path): made for \(what); name another --reference-cache, or remove this one"
        case .damagedCache(let path):
            return
                "\(path): its values are not those that were written: some of its bytes have changed; remove it, and they "
                + "are computed again"
        case .foreignCheckpoint(let path, let what):
            return "\(path): made with \(what); resume with what it was made with, or start anew without --resume"
        case .noUsableCheckpoint(let path):
            return "\(path): none of the checkpoints there is whole and of this run; start anew without --resume"
        case .ranksDiffer(let step, let rank):
            return
                "after step \(step) rank \(rank) has other weights than rank 0, though both started and stepped alike: "
                + "a fault of memory, processor or network; leave out its host and go on with --resume"
        case .spikes(let step, let rollbacks):
            return
                "step \(step): loss or gradient norm has leapt again, after \(rollbacks) returns to a checkpoint; "
                + "lower --learning-rate, or raise --rollback-on-spike"
        }
    }

    /// A number; NaN without the sign that processors give it.
    private static func text(_ value: Double) -> String { value.isNaN ? "nan" : "\(value)" }

    /// The rows at fault, as many as a line holds.
    private static func list(_ rows: [Int]) -> String {
        guard !rows.isEmpty else { return "of losses that are all finite" }
        let shown = rows.prefix(8).map { "\($0)" }.joined(separator: ", ")
        return "not finite for row\(rows.count == 1 ? "" : "s") \(shown)\(rows.count > 8 ? " …" : "") of the data"
    }
}
