internal import Collectives
internal import Compute
package import Configuration
internal import Formats
internal import SystemPackage
internal import Transformer

/// A model with an adapter merged into its weights.
package enum MergedModel {
    /// Merges the adapter of `configuration` into its model, and writes the result to its output directory.
    ///
    /// Takes the memory of the model and of its largest tensor.
    ///
    /// - Throws: An error that names the invalid file, tensor or setting.
    package static func write(_ configuration: TrainingConfiguration, threads: Int) throws {
        let source = FilePath(configuration.model)
        // First: reading a large model takes long.
        try ModelDirectory.requireNoModel(in: FilePath(configuration.output))
        let team = try ThreadTeam.reporting(count: threads)
        let policy = try Policy.read(directory: source, adapter: configuration.adapterSource, team: team)
        let output = try ModelDirectory.prepare(
            FilePath(configuration.output),
            for: policy.description,
            adapter: nil,
            from: source,
            type: configuration.saving.saveDType.elementType
        )
        try output.write(try policy.mergedEntries())
        ModelCard.merged(configuration, policy).write(to: FilePath(configuration.output))
    }
}

extension Policy {
    /// The tensors of the model with the adapter merged, each computed when it is written.
    fileprivate func mergedEntries() throws -> [SafetensorsEntry] {
        guard let adapter else { return layout.entries(of: flat) }
        let merge = AdapterMerge(adapter.adapter, weights: weights, base: frozen)
        return description.parameters.parameters.map { parameter in
            SafetensorsEntry(name: parameter.name, shape: parameter.shape) { body in
                Progress.move()
                let buffer = try FloatBuffer(count: parameter.count)
                let result = buffer.matrix(rows: 1, columns: parameter.count)
                merge.merge(parameter, into: result)
                try result.withSpan(body)
            }
        }
    }
}
