internal import Formats

// The datasets of LLaMA-Factory, and rows that are held out.

extension Translator {
    mutating func addLlamaFactoryData() throws {
        let directory = try file.text("dataset_dir") ?? "data"
        preparation.sources = try sources("dataset", in: directory)
        preparation.heldOutSources = try sources("eval_dataset", in: directory)
        if let size = file.value("val_size")?.unquoted, size.double ?? 0 > 0 {
            preparation.hasEvaluations = true
            holdOut(size, "val_size")
        }
        guard let count = try file.whole("max_samples") else { return }
        if preparation.sources.allSatisfy(\.hasSplits), preparation.heldOutSplit == nil {
            preparation.split = "\(preparation.split ?? "train")[:\(count)]"
        } else {
            preparation.notes.append("max_samples: the commands take all rows, not the first \(count) of each dataset")
        }
    }

    /// Divides the rows of all sources into those for training and held-out ones, if they have splits.
    mutating func holdOut(_ size: JSONValue, _ name: String) {
        guard let number = size.double, number > 0, number < 1e9 else { return }
        guard preparation.sources.allSatisfy(\.hasSplits) else {
            preparation.heldOutSplit = nil
            preparation.notes.append(
                "\(name): divide the rows of the files, and prepare those for eval.safetensors too"
            )
            return
        }
        let split = preparation.split ?? "train"
        let bound = number < 1 ? "\(Int((100 * (1 - number)).rounded()))%" : "-\(Int(number))"
        (preparation.split, preparation.heldOutSplit) = ("\(split)[:\(bound)]", "\(split)[\(bound):]")
        preparation.notes.append("\(name): the last rows are held out, not random ones")
    }

    /// The datasets of a setting, by their names in `dataset_info.json`.
    private mutating func sources(_ name: String, in directory: String) throws -> [Preparation.Source] {
        guard let names = try file.names(name) else { return [] }
        guard directory != "ONLINE" else { return names.map { .init(name: $0) } }
        let list = DatasetList(in: directory)
        return names.map { dataset in
            guard let entry = list?[dataset] else {
                preparation.notes.append(
                    "\(name): replace \(dataset) by its file or Hub name of \(directory)/dataset_info.json"
                )
                return Preparation.Source(name: dataset)
            }
            add(entry, of: dataset, isHeldOut: name == "eval_dataset")
            return Preparation.Source(name: entry.source)
        }
    }

    private mutating func add(_ entry: DatasetList.Entry, of name: String, isHeldOut: Bool) {
        if let split = entry.split {
            if isHeldOut { preparation.heldOutSplit = split } else { preparation.split = split }
        }
        let words =
            (entry.configuration.map { ["--dataset-config", $0] } ?? [])
            + (entry.columns.isEmpty ? [] : ["--columns"] + entry.columns)
        if !words.isEmpty, !preparation.arguments.contains(words) { preparation.arguments += words }
        guard entry.isPartial else { return }
        preparation.notes.append(
            "\(name): its columns and tags in dataset_info.json are not in the command; use --show 1"
        )
    }
}
