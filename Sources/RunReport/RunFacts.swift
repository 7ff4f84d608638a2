internal import Formats
internal import Foundation
internal import Reporting

/// What a run was, in a few lines.
struct RunFacts {
    private let run: RecordedRun

    init(_ run: RecordedRun) {
        self.run = run
    }

    /// Names with their texts, for which the files have data.
    var all: [(name: String, text: String)] {
        [
            ("model", model), ("data", data), ("loss", loss), ("steps", steps), ("learning rate", learningRate),
            ("computed on", ranks), ("precision", precision), ("duration", duration),
        ].compactMap { name, text in text.map { (name, $0) } }
    }

    // MARK: What was trained

    private var model: String? {
        guard let model = run.setting("model") else { return nil }
        let adapter =
            run.setting("adapter").map { ", adapter \($0)" } ?? run.setting("lora_r").map { ", LoRA of rank \($0)" }
        return model + (adapter ?? "")
    }

    private var data: String? {
        guard let data = run.setting("data") else { return nil }
        return data + (run.setting("eval_data").map { "; held out: \($0)" } ?? "")
    }

    private var loss: String? {
        guard let name = run.setting("loss_type") else { return nil }
        return name + (run.setting("beta").map { ", β = \($0)" } ?? "")
    }

    private var steps: String? {
        let epoch = run.steps[.epoch].last { $0.isFinite }
        let total = [
            run.setting("global_batch_size").map { "\($0) examples each" }, epoch.map { "\(brief($0)) epochs" },
            run.total("pairs").map { "\(whole($0)) pairs" },
        ].compactMap { $0 }
        return "\(whole(run.total("steps") ?? Double(run.lastStep)))" + (total.isEmpty ? "" : ": ")
            + total.joined(separator: ", ")
    }

    private var learningRate: String? {
        guard let rate = run.setting("learning_rate") else { return nil }
        return rate + (run.setting("lr_scheduler_type").map { ", \($0)" } ?? "")
    }

    // MARK: How it was computed

    private var ranks: String? {
        guard let ranks = run.total("ranks") else { return nil }
        let threads = run.total("threads").map { " × \(counted(Int(clamping: $0), "thread"))" } ?? ""
        let sharing = run.word("sharing").map { ", sharing \($0.quotedShort)" } ?? ""
        return counted(Int(clamping: ranks), "rank") + threads + sharing
    }

    private var precision: String? {
        guard let precision = run.word("precision") ?? run.setting("precision") else { return nil }
        return precision.quotedShort + (run.word("products").map { ", products \($0.quotedShort)" } ?? "")
    }

    /// Seconds of the steps that are recorded; nil without any.
    var trainSeconds: Double? { run.total("train_seconds") ?? run.sum(.stepSeconds) }

    private var duration: String? {
        guard let seconds = trainSeconds else { return nil }
        let others = [
            ("reference", "reference_seconds"), ("evaluations", "eval_seconds"), ("checkpoints", "save_seconds"),
        ].compactMap { name, key in
            run.total(key).flatMap { $0 >= 0.5 ? "\(name) \(timeText($0))" : nil }
        }
        return (["steps \(timeText(seconds))"] + others).joined(separator: ", ")
    }
}

extension Int {
    /// The nearest whole number that fits; 0 for NaN.
    fileprivate init(clamping value: Double) { self = value.isNaN ? 0 : Int(Swift.max(-1e15, Swift.min(1e15, value))) }
}

extension String {
    /// The text on one line, shortened.
    var quotedShort: String { printable(limit: 80) }
}
