internal import Formats
internal import RunReport
internal import SystemPackage
internal import TestSupport

/// The files of a run, as `train` writes them.
struct RunFiles {
    var metrics = (1...4).map { line($0) }.joined()
    var settings: String? = "model: m\ndata: d\noutput: o\nloss_type: sigmoid\nbeta: 0.1\nnum_train_epochs: 1.0\n"
    var summary: String? = #"{"steps": 4, "skipped_steps": 0, "ranks": 2, "threads": 1, "train_seconds": 80.0}"#

    /// A line for a step.
    static func line(_ step: Int, loss: String = "0.5", more: String = "") -> String {
        #"{"step": \#(step), "epoch": 0.25, "loss": \#(loss), "grad_norm": 2.5, "rewards/accuracies": 0.75, "#
            + #""tokens_computed": 60, "tokens_unshared": 100, "step_seconds": 2.0, "forward_seconds": 0.5\#(more)}"#
            + "\n"
    }

    /// A line for an evaluation.
    static func evaluation(_ step: Int, loss: Double) -> String {
        #"{"step": \#(step), "eval_loss": \#(loss), "eval_loss_ci": [\#(loss - 0.1), \#(loss + 0.1)]}"# + "\n"
    }

    @discardableResult
    func write(to directory: FilePath) throws -> FilePath {
        try directory.makeDirectory()
        try TestSupport.write(metrics, to: directory.appending("metrics.jsonl"))
        if let settings { try TestSupport.write(settings, to: directory.appending("espalier.yaml")) }
        if let summary { try TestSupport.write(summary, to: directory.appending("summary.json")) }
        return directory
    }

    /// The page of these runs, each with its files in a directory of this name.
    static func page(_ runs: KeyValuePairs<String, RunFiles>) throws -> String {
        var page = ""
        try Places.temporary { directory in
            let paths = try runs.map { try $1.write(to: directory.appending($0)) }
            page = RunReport(try RecordedRun.read(paths)).html
        }
        return page
    }
}
