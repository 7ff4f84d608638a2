internal import Formats
internal import Preferences
internal import SystemPackage

/// A source of the data of a run, as `espalier-prepare` records it.
struct DataSource: Equatable {
    /// The identifier on the Hugging Face Hub, or the name of a file or directory, without the path that it had.
    let name: String
    let isOnHub: Bool
    /// The split of a dataset on the Hub.
    let split: String?

    /// The sources of a dataset; none if it records none.
    static func sources(of dataset: PreferenceDataset) -> [DataSource] {
        guard let text = dataset.metadata["sources"],
            let value = try? Array(text.utf8).withUnsafeBytes({ try StrictJSON.value(of: $0) })
        else { return [] }
        return (value.array ?? []).compactMap { entry in
            guard let name = entry.object?["name"]?.string, !name.isEmpty else { return nil }
            let isOnHub = entry.object?["hub_dataset"] == .flag(true) && CardMetadata.isHubID(name)
            let local = FilePath(name).lastComponent?.string ?? name
            return DataSource(name: isOnHub ? name : local, isOnHub: isOnHub, split: entry.object?["split"]?.string)
        }
    }
}
