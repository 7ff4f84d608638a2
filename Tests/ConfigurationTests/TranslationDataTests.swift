internal import Configuration
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The data of other trainers' files: what is prepared first, and what a run does without.
struct TranslationDataTests {
    /// The refusal of a run with these settings, without the path in front of it.
    private func missing(_ text: String, _ change: (inout TrainingConfiguration) -> Void = { _ in }) throws -> String? {
        try Places.temporary { directory in
            let translation = try #require(try Translations.of(text, in: directory))
            var settings = translation.configuration
            change(&settings)
            return #expect(throws: FormatError.self) { try translation.completed(settings) }?.message
        }
    }

    private static let prepare =
        "espalier-prepare --model /models/m --data org/pairs --max-length 1024 --output train.safetensors"
    private static let prepareHeldOut =
        "espalier-prepare --model /models/m --data org/pairs --split test --max-length 1024 --output eval.safetensors"

    @Test("a run without data is told the command that prepares it")
    func withoutData() throws {
        let prepare = "expected --data, prepared data, found none; "
        #expect(
            try missing("dataset_name: org/pairs")
                == "\(prepare)run: \(Self.prepare); then add --data train.safetensors"
        )
        #expect(
            try missing("dataset_name: org/pairs\neval_strategy: steps")
                == "\(prepare)run: \(Self.prepare) && \(Self.prepareHeldOut); then add --data train.safetensors --eval-data "
                + "eval.safetensors"
        )
        #expect(try missing("beta: 0.1") == "\(prepare)prepare data with espalier-prepare")
    }

    @Test("a run without held-out data has no evaluations, unless its result depends on them")
    func withoutHeldOut() throws {
        try Places.temporary { directory in
            let translation = try #require(try Translations.of("eval_strategy: steps\neval_steps: 5", in: directory))
            var settings = translation.configuration
            #expect(settings.evaluation.evalSteps == 5)
            settings.data = "d"
            let (run, omissions) = try translation.completed(settings)
            #expect(run.evaluation.evalSteps == nil && omissions == ["no evaluations, as --eval-data is not given"])
            settings.evaluation.evalData = "e"
            #expect(try translation.completed(settings).run.evaluation.evalSteps == 5)
        }
        let best = "dataset_name: org/pairs\neval_strategy: steps\nload_best_model_at_end: true"
        #expect(
            try missing(best) { $0.data = "d" }
                == "expected --eval-data, on which the result depends, found none; run: \(Self.prepareHeldOut); then add "
                + "--data train.safetensors --eval-data eval.safetensors"
        )
    }

    @Test("a model of the Hub that is not there is downloaded first")
    func model() throws {
        let text = "output_dir: o\ndataset_name: org/pairs"
        try Places.temporary { directory in
            let path = directory.appending("foreign.yaml")
            try AtomicFile.write(to: path) { try $0.append("model_name_or_path: no-org/no-model\n\(text)\n") }
            let translation = try #require(try Translation(of: path))
            var settings = translation.configuration
            settings.data = "d"
            let error = #expect(throws: FormatError.self) { try translation.completed(settings) }
            #expect(
                error?.message
                    == "expected a model in no-model, found none; run: hf download no-org/no-model --local-dir no-model"
            )
            settings.model = "other"
            #expect(try translation.completed(settings).run.model == "other")
        }
    }

    @Test("a report lists what a run has, with the options that replace a value")
    func report() throws {
        try Places.temporary { directory in
            let text = "dataset_name: org/pairs\nlearning_rate: 5e-7\nreport_to: none"
            let translation = try #require(try Translations.of(text, in: directory))
            var settings = translation.configuration
            (settings.data, settings.learningRate, settings.maxSteps) = ("d.safetensors", 1e-5, 2)
            let lines = try translation.report(of: settings, omissions: ["nothing"]).split(separator: "\n").map {
                $0.split(separator: " ").joined(separator: " ")
            }
            for line in [
                "# Of espalier-prepare: dataset_name", "# Without effect here: report_to", "# Note: nothing",
                "data: d.safetensors # an option", "max_steps: 2 # an option",
                "learning_rate: 1e-05 # an option, in place of 5e-07", "num_train_epochs: 3.0 # TRL's default",
            ] { #expect(lines.contains(line), "\(line)") }
            #expect(!lines.contains { $0.hasPrefix("row_tokens") })
        }
    }

    @Test("datasets of LLaMA-Factory are found by the list in their directory")
    func datasetList() throws {
        try Places.temporary { directory in
            let list = """
                {"pairs": {"file_name": "pairs.json", "ranking": true, "columns": {"prompt": "instruction", "chosen": "good"}},
                 "hub": {"hf_hub_url": "org/pairs", "subset": "en", "ranking": true, "tags": {"role_tag": "role"}}}
                """
            try AtomicFile.write(to: directory.appending("dataset_info.json")) { try $0.append(list) }
            let start = "stage: dpo\ndataset_dir: \(directory)\n"
            func yaml(_ text: String) throws -> String {
                try #require(try Translations.of(start + text, in: directory)).yaml
            }
            let prepare = "#   espalier-prepare --model /models/m --data"
            #expect(
                try yaml("dataset: pairs\nval_size: 10").contains(
                    "\(prepare) \(directory)/pairs.json --columns chosen=good --max-length 2048 --output train.safetensors\n"
                )
            )
            let hub = try yaml("dataset: hub\nmax_samples: 50")
            #expect(
                hub.contains(
                    "\(prepare) org/pairs --split 'train[:50]' --dataset-config en --max-length 2048 --output train.safetensors\n"
                )
            )
            #expect(
                hub.contains(
                    "# Note: hub: its columns and tags in dataset_info.json are not in the command; use --show 1\n"
                )
            )
            let unknown = "replace other by its file or Hub name of \(directory)/dataset_info.json"
            #expect(try yaml("dataset: other").contains("# Note: dataset: \(unknown)\n"))
        }
    }

    @Test("datasets with several splits are not put into one command in silence")
    func mixture() throws {
        let parts = "datasets:\n  - {path: a/b, split: one, columns: [prompt]}\n  - {id: c/d, split: two, weight: 0.5}"
        let yaml = try Translations.yaml(parts)
        #expect(yaml.contains("--data a/b c/d --split "))
        #expect(yaml.contains("--weights 1.0 0.5"))
        #expect(yaml.contains("# Note: datasets: the datasets have several splits, a command has one --split;"))
        #expect(yaml.contains("# Note: datasets: columns of a/b is not in the command;"))
        let held = try Translations.yaml(
            "dataset_mixture: {datasets: [{id: a/b}], test_split_size: 200}\neval_strategy: steps"
        )
        #expect(held.contains("--split 'train[:-200]'") && held.contains("--split 'train[-200:]'"))
    }
}
