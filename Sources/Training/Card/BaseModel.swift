internal import Formats
internal import Foundation
internal import SystemPackage

/// The model that a run starts from, as a model card names it.
struct BaseModel {
    /// Its identifier on the Hugging Face Hub; nil if its files do not show it, which no guess replaces.
    let id: String?
    /// The name of its directory.
    let name: String
    /// What its own card states.
    let card: CardMetadata
    /// Its licence as the Hub names it; nil if neither its card nor a licence file shows it.
    let license: String?

    /// The model in a directory.
    ///
    /// - Parameter adapterBase: The base that the `adapter_config.json` of a given adapter names; nil for none.
    init(directory: FilePath, adapterBase: String? = nil) {
        let place = directory.resolved ?? directory
        card = CardMetadata(directory: place)
        (name, id) = Self.cached(place) ?? Self.named(place, card, adapterBase)
        license = card.license ?? Self.licenseFile(in: place)
    }

    // MARK: Identifier

    /// A snapshot in the cache of the Hub, `models--OWNER--NAME/snapshots/COMMIT`.
    private static func cached(_ place: FilePath) -> (name: String, id: String?)? {
        let parts = place.components.map(\.string)
        guard parts.count > 2, parts[parts.count - 2] == "snapshots", parts[parts.count - 3].hasPrefix("models--")
        else {
            return nil
        }
        let id = parts[parts.count - 3].dropFirst("models--".count).components(separatedBy: "--")
        guard id.count == 2, CardMetadata.isHubID(id.joined(separator: "/")) else { return nil }
        return (id[1], id.joined(separator: "/"))
    }

    private static func named(_ place: FilePath, _ card: CardMetadata, _ base: String?) -> (name: String, id: String?) {
        let name = place.lastComponent?.string ?? place.string
        // PEFT states what its user loaded: an identifier, unless it is a directory.
        if let base, CardMetadata.isHubID(base), !FileManager.default.fileExists(atPath: base) { return (name, base) }
        // A configuration states what the model was made from before, unless the name is its own.
        let stated = (try? StrictJSON.object(in: place.appending("config.json")))?["_name_or_path"]?.string
        if let stated, CardMetadata.isHubID(stated), stated.hasSuffix("/" + name) { return (name, stated) }
        if let id = card.mentionedID(named: name) { return (name, id) }
        // A model of our own without an identifier: the published model that it goes back to.
        return (name, ModelCard.isOwn(card.text) ? card.baseModel : nil)
    }

    // MARK: Licence

    private static func licenseFile(in place: FilePath) -> String? {
        for name in ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"] {
            guard let file = try? MappedFile(place.appending(name)) else { continue }
            let text = file.withBytes { String(decoding: $0.prefix(2000), as: UTF8.self) }
            if text.contains("Apache License"), text.contains("Version 2.0, January 2004") { return "apache-2.0" }
            if text.contains("MIT License"), text.contains("Permission is hereby granted") { return "mit" }
        }
        return nil
    }
}
