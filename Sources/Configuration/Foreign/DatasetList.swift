internal import Formats
internal import SystemPackage

/// LLaMA-Factory's list of datasets, `dataset_info.json` in `dataset_dir`.
struct DatasetList {
    /// Where a dataset's rows are.
    struct Entry: Equatable {
        /// A file or directory, or a dataset of the Hub.
        var source: String
        var split: String?
        var configuration: String?
        /// Columns with other names than the field that they hold, as `chosen=better`.
        var columns: [String] = []
        /// Whether the entry describes more than these.
        var isPartial = false
    }

    private let directory: FilePath
    private let entries: [String: JSONValue]

    /// Reads the list; nil if there is none, or none that can be read.
    init?(in directory: String) {
        self.directory = FilePath(directory)
        guard let entries = try? StrictJSON.object(in: self.directory.appending("dataset_info.json")) else {
            return nil
        }
        self.entries = entries
    }

    /// The dataset of a name; nil if the list does not say where it is.
    subscript(name: String) -> Entry? {
        guard let entry = entries[name]?.object else { return nil }
        let file = entry["file_name"]?.string.map { directory.appending($0).string }
        guard let source = entry["hf_hub_url"]?.string ?? file else { return nil }
        var found = Entry(source: source, split: entry["split"]?.string, configuration: entry["subset"]?.string)
        for (field, column) in (entry["columns"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let column = column.string, column != field else { continue }
            guard field != "chosen", field != "rejected" else {
                found.columns.append("\(field)=\(column)")
                continue
            }
            // Names that espalier-prepare knows.
            let usual = ["prompt": "instruction", "query": "input", "response": "output", "messages": "conversations"]
            if usual[field] != column { found.isPartial = true }
        }
        found.isPartial =
            found.isPartial || entry["tags"] != nil || entry["folder"] != nil || entry["num_samples"] != nil
        return found
    }
}
