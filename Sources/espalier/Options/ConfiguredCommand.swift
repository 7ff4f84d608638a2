internal import ArgumentParser

/// A subcommand whose settings may be in a file.
protocol ConfiguredCommand: ParsableCommand {
    var shared: SharedOptions { get }

    /// Checks the settings, without reading any file but that of `--config`.
    ///
    /// - Throws: The error that the run would end with.
    func checkSettings() throws
}
