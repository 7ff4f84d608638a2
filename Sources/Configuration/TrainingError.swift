internal import Formats
internal import SystemPackage

/// An error that prevents a run from starting or continuing.
package enum TrainingError: Error, CustomStringConvertible, Equatable {
    /// A setting is out of range.
    case invalid(key: String, expected: String, found: String)
    /// Settings without a default are not given.
    case required(keys: [String])
    /// A setting requires another.
    case missing(key: String, for: String)
    /// Every step of a run has the learning rate 0; `warmup` is the setting that causes it, nil if the peak rate does.
    case zeroRate(steps: Int, warmup: String?, peak: Double)
    /// Exactly one of several settings must be given.
    case notOne(of: [String], found: [String])
    /// Some ranks would never have work.
    case moreRanksThanExamples(ranks: Int, rows: Int, isStep: Bool)
    /// Ranks would have different numbers of shards.
    case unevenShards(shards: Int, ranks: Int)
    /// The loss or its gradient is not finite; `rows` are the examples whose loss is not.
    case notFinite(step: Int, loss: Double, gradientNorm: Double, rows: [Int])
    /// Log-probabilities of these examples of the named data are not finite.
    case scoresNotFinite(rows: [Int], data: String)
    /// The trained weights are not finite.
    case weightsNotFinite(step: Int, tensor: String)
    /// A reference cache belongs to another model or other data.
    case foreignCache(path: String, what: String)
    /// A reference cache has changed since it was written.
    case damagedCache(path: String)
    /// A checkpoint belongs to another run.
    case foreignCheckpoint(path: String, what: String)
    /// A run or checkpoint was made for another number of steps.
    case otherLength(path: String, made: String, asked: String, isFinished: Bool)
    /// A checkpoint identifies its model in the form of another version.
    case otherVersion(path: String, found: String, expected: String)
    /// All checkpoints are damaged or belong to other runs.
    case noUsableCheckpoint(path: String)
    /// The weights of a rank differ from those of rank 0.
    case ranksDiffer(step: Int, rank: Int)
    /// Loss or gradient norm spiked once more than a run rolls back.
    case spikes(step: Int, rollbacks: Int)

    package var description: String {
        switch self {
        case .invalid(let key, let expected, let found):
            return "\(key) must be \(expected), found \(found.quotable())"
        case .required(let keys):
            let flags = Self.listed(keys.map(ForeignSettings.flag))
            return
                "\(Self.listed(keys)) must be given; add \(flags), or the key\(keys.count > 1 ? "s" : "") to the file of --config"
        case .missing(let key, let other):
            return "\(other) needs \(key); add \(key), or remove \(other)"
        case .zeroRate(let steps, let warmup, let peak):
            return Self.zeroRate(steps: steps, warmup: warmup, peak: peak)
        case .notOne(let options, let found):
            let given = found.isEmpty ? "none" : found.joined(separator: " and ")
            return "give one of \(options.joined(separator: ", ")); found \(given)"
        case .moreRanksThanExamples(let ranks, let rows, let isStep):
            let examples = rows == 1 ? "1 example" : "\(rows) examples"
            let most = rows == 1 ? "1 rank" : "\(rows) ranks"
            return "\(ranks) ranks for \(examples) \(isStep ? "per step" : "in total"): some would never have work; "
                + "start at most \(most)\(isStep ? ", or raise --global-batch-size" : "")"
        case .unevenShards(let shards, let ranks):
            return "\(shards) shards cannot be divided over \(ranks) ranks; start a power of two of them, "
                + "at most \(shards), or leave --shards out"
        case .notFinite(let step, let loss, let norm, let rows):
            return
                "step \(step): loss \(Self.text(loss)), gradient norm \(Self.text(norm)), \(Self.list(rows)); "
                + "the model was neither updated nor written; lower --learning-rate, or check the weights"
        case .weightsNotFinite(let step, let tensor):
            return
                "after step \(step) the weights are not finite, in tensor \(tensor); nothing was written; lower "
                + "--learning-rate, and continue from an earlier checkpoint with --resume, if there is one"
        case .scoresNotFinite(let rows, let data):
            return
                "log-probabilities are \(Self.list(rows, of: data)); nothing was written; check the weights, and the scale of an "
                + "adapter"
        case .foreignCache(let path, let what):
            return "\(path): made for \(what); choose another --reference-cache, or remove this one"
        case .damagedCache(let path):
            return
                "\(path): expected the values that were written, found changed bytes; remove the file to recompute them"
        case .foreignCheckpoint(let path, let what):
            return
                "\(path): made with \(what); resume with the settings it was made with, or start a new run without --resume"
        case .otherLength(let path, let made, let asked, let isFinished):
            let first = isFinished ? "" : "resume with \(made), then "
            let option = Self.option(path)
            let what = option == "--model" ? "tuned model" : "trained adapter"
            let remedy = "start a new run from the \(what), with it as \(option) and another --output"
            let reason = "and the learning rate depends on the number of steps"
            return "\(path): made with \(made), asked for \(asked), \(reason); to train further, \(first)\(remedy)"
        case .otherVersion(let path, let found, let expected):
            return
                "\(path): expected a model digest of the form \(expected), found \(found), of another version of espalier; "
                + "resume with that version, or start a new run from the weights with \(Self.option(path)) \(path)"
        case .noUsableCheckpoint(let path):
            return "\(path): expected a complete checkpoint of this run, found none; start a new run without --resume"
        case .ranksDiffer(let step, let rank):
            return
                "after step \(step) the weights of rank \(rank) differ from those of rank 0: "
                + "a fault of memory, processor or network; exclude its host, and continue with --resume"
        case .spikes(let step, let rollbacks):
            return
                "step \(step): loss or gradient norm spiked again after \(rollbacks) rollbacks; "
                + "lower --learning-rate, or raise --rollback-on-spike"
        }
    }

    private static func zeroRate(steps: Int, warmup: String?, peak: Double) -> String {
        let result = "every step would have the learning rate 0, and the run would learn nothing"
        guard let warmup else {
            return "learning_rate must be a number above 0 in float32, found \(peak): \(result); raise learning_rate"
        }
        let all = steps == 1 ? "the only step" : "all \(steps) steps"
        return "\(warmup) makes \(all) of the run warm-up, which starts at 0: \(result); "
            + "train more steps (max_steps, num_train_epochs), or set \(warmup.prefix { $0 != " " }) to 0"
    }

    /// The option that names what a run has written.
    private static func option(_ path: String) -> String { WeightFiles.option(naming: FilePath(path)) }

    private static func listed(_ names: [String]) -> String {
        let last = names.last ?? ""
        return names.count < 2 ? last : names.dropLast().joined(separator: ", ") + " and " + last
    }

    /// Formats a number; NaN without the sign that processors give it.
    private static func text(_ value: Double) -> String { value.isNaN ? "nan" : "\(value)" }

    /// Lists the first examples with a non-finite loss.
    package static func list(_ rows: [Int], of data: String = "the data") -> String {
        guard !rows.isEmpty else { return "with finite losses of all examples" }
        let shown = rows.prefix(8).map { "\($0)" }.joined(separator: ", ")
        return "not finite for example\(rows.count == 1 ? "" : "s") \(shown)\(rows.count > 8 ? " …" : "") of \(data)"
    }
}
