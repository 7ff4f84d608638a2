internal import Formats
internal import Foundation
internal import Reporting
internal import Training
internal import Transformer

/// The page that `espalier inspect` prints, at most 80 columns wide.
struct InspectSummary {
    private static let width = 80
    private static let margin = 12
    private let report: InspectReport

    init(_ report: InspectReport) { self.report = report }

    var text: String {
        let facts = [identity, architecture, storage, memory].filter { !$0.isEmpty }
        return (facts + [remarks + verdict]).map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    // MARK: Parts

    private var identity: [String] {
        let family = report.textModelType.map { "\(report.modelType) with the text model \($0)" } ?? report.modelType
        return line("model", report.model) + line("family", "\(family), with keys of \(report.form.rawValue)")
    }

    private var architecture: [String] {
        guard let model = report.architecture else { return [] }
        return ArchitectureText(model: model).lines.flatMap { line($0.label, $0.text) }
    }

    private var storage: [String] { parameters + files + tokenizer }

    private var parameters: [String] {
        guard let counts = report.parameters else { return [] }
        let unit: (name: String, size: Double, decimals: Int) =
            switch counts.total {
            case ..<1_000_000: ("", 1, 0)
            case ..<1_000_000_000: (" million", 1e6, 1)
            default: (" billion", 1e9, 3)
            }
        func number(_ count: Int) -> String { rounded(Double(count) / unit.size, unit.decimals) }
        let parts = [("layers", counts.layers), ("embedding", counts.embedding), ("head", counts.head)]
        let text = parts.filter { $0.1 > 0 }.map { "\($0.0) \(number($0.1))" }.joined(separator: ", ")
        return line("parameters", "\(number(counts.total))\(unit.name): \(text)")
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
        let tensors = "\(counted(stored.tensors, "tensor")), \(size(stored.bytes))"
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
        let unit = training.total < 1_000_000_000 ? (name: "MB", bytes: 1e6) : (name: "GB", bytes: 1e9)
        func number(_ bytes: Int) -> String { rounded(Double(bytes) / unit.bytes, 2) }
        func line(_ label: String, _ total: Int, _ parts: KeyValuePairs<String, Int>) -> [String] {
            let sum = parts.map { "\($0.key) \(number($0.value))" }.joined(separator: ", ")
            return self.line("  " + label, "\(number(total)): \(sum)")
        }
        let setting =
            "\(unit.name) per rank: \(counted(run.ranks, "rank")) of \(counted(run.threads, "thread")), "
            + "packed sequences of \(run.rowTokens) tokens" + (run.recomputes ? ", activations recomputed" : "")
        return self.line("memory", setting)
            + line(
                "train",
                training.total,
                [
                    "weights": training.weights, "gradients": training.gradients, "optimizer": training.optimizer,
                    "activations and logits": training.workspace,
                ]
            )
            + line("score", scoring.total, ["weights": scoring.weights, "activations and logits": scoring.workspace])
    }

    private var remarks: [String] { report.remarks.flatMap { wrapped("! ", $0) } }

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

    private func size(_ bytes: Int) -> String {
        let count = Double(bytes)
        return count < 1e9 ? "\(rounded(count / 1e6, 2)) MB" : "\(rounded(count / 1e9, 2)) GB"
    }
}
