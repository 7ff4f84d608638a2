internal import Formats
internal import Foundation
internal import Reporting
internal import Training

/// The page that `espalier inspect` prints, at most 80 columns wide.
struct InspectSummary {
    private static let width = 80
    private static let margin = 12
    private let report: InspectReport

    init(_ report: InspectReport) { self.report = report }

    var text: String {
        let facts = [identity, architecture, storage, memory].filter { !$0.isEmpty }
        return (facts + [verdict]).map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    // MARK: Parts

    private var identity: [String] {
        line("model", report.model) + line("family", "\(report.modelType), with keys of \(report.form.rawValue)")
    }

    private var architecture: [String] {
        guard let model = report.architecture else { return [] }
        return ArchitectureText(model: model).lines.flatMap { line($0.label, $0.text) }
    }

    private var storage: [String] { parameters + files + tokenizer }

    private var parameters: [String] {
        guard let counts = report.parameters else { return [] }
        let parts = [("layers", counts.layers), ("embedding", counts.embedding), ("head", counts.head)]
        let text = parts.filter { $0.1 > 0 }.map { "\($0.0) \(millions($0.1))" }.joined(separator: ", ")
        return line("parameters", "\(millions(counts.total)) million: \(text)")
    }

    private var files: [String] {
        guard let weights = report.weights else { return [] }
        let names = weights.files.count == 1 ? weights.files[0] : "\(weights.files.count) files"
        var lines = line("weights", "\(names): \(text(of: weights))")
        if let copied = report.copied, copied.tensors > 0 {
            lines += line("copied", "unchanged to a trained model: \(text(of: copied))")
        }
        return lines
    }

    private func text(of stored: StoredModel) -> String {
        let tensors = "\(counted(stored.tensors, "tensor")), \(gigabytes(stored.bytes)) GB"
        guard stored.parts.count > 1 else { return "\(tensors) in \(stored.parts.first?.type ?? "no type")" }
        let types = stored.parts.map { "\($0.tensors) in \($0.type)" }.joined(separator: ", ")
        return "\(tensors); \(types)"
    }

    private var tokenizer: [String] {
        let files = report.tokenizer.isEmpty ? "no files" : report.tokenizer.joined(separator: ", ")
        return line("tokenizer", "\(files); \(report.hasChatTemplate ? "a chat template" : "no chat template")")
    }

    private var memory: [String] {
        guard let memory = report.memory else { return [] }
        let (run, training, scoring) = (report.run, memory.training, memory.scoring)
        let setting =
            "GB of a rank, for \(counted(run.ranks, "rank")) of \(counted(run.threads, "thread")) and packed sequences of "
            + "\(run.rowTokens) tokens" + (run.recomputes ? ", activations recomputed" : "")
        let parts = [
            ("weights", training.weights), ("gradients", training.gradients), ("optimizer", training.optimizer),
            ("activations", training.workspace),
        ]
        return line("memory", setting)
            + line("  train", "\(gigabytes(training.total)): \(sum(parts))")
            + line(
                "  score",
                "\(gigabytes(scoring.total)): \(sum([("weights", scoring.weights), ("activations", scoring.workspace)]))"
            )
    }

    private func sum(_ parts: [(String, Int)]) -> String {
        parts.map { "\($0.0) \(gigabytes($0.1))" }.joined(separator: ", ")
    }

    private var verdict: [String] {
        guard !report.problems.isEmpty else { return ["✓ nothing is refused"] }
        return report.problems.flatMap(lines(ofProblem:)) + [
            "The model is refused: \(counted(report.problems.count, "problem")) must be fixed (✗)."
        ]
    }

    /// The cause, and the remedy after its last semicolon.
    private func lines(ofProblem problem: String) -> [String] {
        guard let end = problem.range(of: "; ", options: .backwards) else { return wrapped("✗ ", problem) }
        return wrapped("✗ ", String(problem[..<end.lowerBound])) + wrapped("  → ", String(problem[end.upperBound...]))
    }

    // MARK: Lines

    private func line(_ label: String, _ text: String) -> [String] { wrapped(padded(label, Self.margin), text) }

    /// Breaks a text into lines of at most 80 columns where it has spaces.
    private func wrapped(_ start: String, _ text: String) -> [String] {
        let indentation = String(repeating: " ", count: start.count)
        var (lines, line) = ([String](), start)
        for word in text.split(separator: " ") {
            let isFirst = line.count == start.count
            if !isFirst, line.count + 1 + word.count > Self.width {
                lines.append(line)
                line = indentation
            }
            line += line.count == start.count ? String(word) : " \(word)"
        }
        return lines + [line]
    }

    // MARK: Numbers

    private func millions(_ count: Int) -> String { rounded(Double(count) / 1e6, count < 10_000_000 ? 2 : 1) }

    private func gigabytes(_ bytes: Int) -> String { rounded(Double(bytes) / 1e9, 2) }
}
