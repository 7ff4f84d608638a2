internal import Formats
internal import Reporting

/// The parts that cards of trained and of merged models have in common.
extension CardFacts {
    /// The base model with a link if it is known.
    var baseText: String { base.id.map { Markdown.link($0) } ?? "the model \(Markdown.code(base.name))" }

    /// What is missing in the metadata, for the model's owner; nil if nothing is.
    var advice: String? {
        let missing = [base.id == nil ? "base_model" : nil, base.license == nil ? "license" : nil].compactMap { $0 }
        guard !missing.isEmpty else { return nil }
        let names = missing.joined(separator: ", ")
        return "<!-- Not known from the files of the base model: \(names). Add them above. -->"
    }

    /// How to load the model.
    var use: String {
        let name = JSONValue.string(name.printable(limit: 300)).line
        guard adapter != nil else {
            return "## Use\n\n"
                + Markdown.block(
                    """
                    from transformers import AutoModelForCausalLM, AutoTokenizer

                    model = AutoModelForCausalLM.from_pretrained(\(name))
                    tokenizer = AutoTokenizer.from_pretrained(\(name))
                    """,
                    "python"
                )
        }
        let source = JSONValue.string((base.id ?? base.name).printable(limit: 300)).line
        return "## Use\n\n"
            + Markdown.block(
                """
                from peft import PeftModel
                from transformers import AutoModelForCausalLM, AutoTokenizer

                model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(\(source)), \(name))
                tokenizer = AutoTokenizer.from_pretrained(\(name))
                """,
                "python"
            )
    }

    /// The results of the evaluation; nil without one.
    var results: String? {
        guard let evaluation else { return nil }
        let rows = Self.metrics.compactMap { name, title in
            evaluation[name].map { ["\(title) (`eval_\(name)`)", rounded($0, 4)] }
        }
        guard !rows.isEmpty else { return nil }
        let data = heldOut.map(Self.text).joined(separator: ", ")
        let place = data.isEmpty ? "" : " (\(data))"
        return "## Results\n\nOn held-out preferences\(place), after step \(evaluation.step):\n\n"
            + Markdown.table([["metric", "value"]] + rows)
    }

    /// The papers of the losses; nil if there is none.
    var citation: String? {
        let papers = losses.compactMap(LossPaper.of).reduce(into: [LossPaper]()) { papers, paper in
            if !papers.contains(where: { $0.arXiv == paper.arXiv }) { papers.append(paper) }
        }
        guard !papers.isEmpty else { return nil }
        return "## Citation\n\n" + Markdown.block(papers.map(\.bibTeX).joined(separator: "\n\n"), "bibtex")
    }

    /// A source with a link if it is on the Hub.
    static func text(_ source: DataSource) -> String {
        guard source.isOnHub else { return Markdown.code(source.name) }
        let split = source.split.map { ", split \(Markdown.code($0))" } ?? ""
        return Markdown.link(source.name, folder: "datasets/") + split
    }

    /// The program and its libraries.
    static var software: String {
        let software = Software.current
        return "## Software\n\nEspalier \(software.name), \(software.compiler), \(software.blas), \(software.mpi)"
    }
}
