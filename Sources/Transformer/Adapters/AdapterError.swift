internal import Formats
internal import SystemPackage

/// The settings of a new adapter are refused.
package struct AdapterError: Error, CustomStringConvertible, Equatable {
    /// The setting, as TRL names it.
    package let setting: String
    /// What was found, what was expected, and the remedy.
    package let message: String

    package var description: String { "\(setting)\(message)".printable() }
}

extension AdapterConfiguration {
    /// TRL's names of settings that PEFT names differently.
    private static let settings = [
        "r": "lora_r", "target_modules": "lora_target_modules",
    ]

    /// The name of a key for the user: that of the file that it was read from, or that of the setting.
    func name(_ key: String) -> String { source == nil ? Self.settings[key] ?? key : key }

    /// An error about a key, in the file that it was read from.
    func error(_ key: String, _ message: String) -> any Error {
        guard let source else { return AdapterError(setting: name(key), message: message) }
        return FormatError(source, "\(key)\(message)")
    }
}
