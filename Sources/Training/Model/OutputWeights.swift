internal import Collectives
internal import Compute
internal import Formats
internal import Reporting
internal import SystemPackage
internal import Transformer

/// The weights of a trained model as they are written: in the files, and under the names, of the model that it was trained
/// from.
///
/// Trained tensors have the types that they have there, or one that is chosen; in checkpoints they are float32. All others
/// are copied from that model's files, byte for byte. Of an adapter, its own tensors are written, under PEFT's names.
struct OutputWeights {
    /// The files of checkpoints that a shard must not replace.
    private static let reserved = [Checkpoint.momentsName, Checkpoint.bestName]

    private let layout: WeightLayout
    /// Nil for an adapter.
    private let copied: CopiedTensors?
    /// A second name of a tensor: of a stored projection that is tied to the embedding.
    private let tiedHead: (name: String, embedding: String)?
    /// The types of the trained tensors in the output.
    private let types: [String: ElementType]
    /// The locations of the trained tensors.
    private let trained: ParameterLayout
    /// The trained tensors before training; nil for an adapter.
    private let start: StartingWeights?
    /// The bytes that the files take on disk, at most.
    let byteCount: Int

    /// Reads the layout of the model in `source`, and the digests of the tensors that are copied.
    ///
    /// - Parameters:
    ///   - type: The type of trained tensors, F32, BF16 or F16; nil for that of each tensor in the source.
    ///   - startType: The type that they were rounded to before training; nil if they were not.
    /// - Throws: `FormatError` for a tensor or a file name that cannot be written.
    init(source: FilePath, parameters: ParameterTable, type: ElementType?, startType: ElementType? = nil) throws {
        // Resolved, so that a link that changes during the run leads to no other model.
        let files = try ModelWeights(directory: source.resolved ?? source)
        try parameters.check(files)
        layout = files.layout
        try Self.checkNames(layout, source)
        let copied = try CopiedTensors(parameters.copiedNames(of: files), of: files) { Progress.move() }
        self.copied = copied
        tiedHead = parameters.tiedHead(in: files)
        let trained = parameters.trained
        self.trained = trained
        start = StartingWeights(files: files, type: startType)
        let embedding = tiedHead.flatMap { tied in trained.tensors.first { $0.name == tied.embedding } }
        let types = try trained.tensors.map { ($0.name, try type ?? files.info($0.name).info.elementType) }
        self.types = Dictionary(uniqueKeysWithValues: types)
        let written = trained.tensors + (embedding.map { [$0] } ?? [])
        byteCount = written.reduce(copied.byteCount + layout.overhead) { [types = self.types] in
            $0 + $1.count * (types[$1.name] ?? .float32).byteCount
        }
    }

    /// The weights of an adapter in this type; PEFT trains and writes float32, whatever the model has.
    init(_ adapter: PolicyAdapter, of model: ModelDescription, type: ElementType) {
        let (trained, tensors) = (adapter.parameters(of: model).trained, adapter.adapter.tensors(of: model))
        layout = WeightLayout(tensors: tensors.map(\.name), in: WeightFiles.adapter)
        copied = nil
        start = nil
        self.trained = trained
        let copies = tensors.filter { $0.part == .copy }.map(\.name)
        let written = trained.tensors.first { $0.parameter.part == .copy }?.name
        let isTied = model.architecture.tiesEmbeddings && copies.count == 2
        tiedHead = isTied ? copies.first { $0 != written }.flatMap { name in written.map { (name, $0) } } : nil
        let count = tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
        byteCount = count * type.byteCount + layout.overhead
        types = Dictionary(uniqueKeysWithValues: trained.tensors.map { ($0.name, type) })
    }

    private static func checkNames(_ layout: WeightLayout, _ source: FilePath) throws {
        for name in layout.files.map(\.name) where !WeightFiles.isShardName(name) || reserved.contains(name) {
            throw FormatError(
                source.appending(WeightFiles.index),
                "expected names of shards that end with .safetensors and are not hidden, "
                    + "\(reserved.joined(separator: " or ")), found \(name); rename the file, also in the index"
            )
        }
    }

    /// The names of the files, with the index if there is one.
    var fileNames: [String] { layout.files.map(\.name) + (layout.isSharded ? [WeightFiles.index] : []) }

    /// Whether they are those of an adapter.
    var isAdapter: Bool { copied == nil }

    /// The file of weights without shards.
    var singleName: String { layout.files[0].name }
    /// The type of all trained tensors in the output; nil if they differ.
    var type: ElementType? {
        let all = Set(types.values)
        return all.count == 1 ? all.first : nil
    }

    /// Writes the weights to a directory, in place of others there.
    ///
    /// - Parameters:
    ///   - trained: The trained tensors, in float32.
    ///   - isRounded: Whether they are written in the output's types, or as they are; to nearest if that keeps most of what
    ///     training changed.
    /// - Throws: `FormatError`, also if the model that tensors are copied from has changed; see `WeightLayout.write`.
    func write(_ trained: [SafetensorsEntry], to directory: FilePath, isRounded: Bool) throws {
        let trained = isRounded ? try rounded(trained, for: directory) : trained
        var entries = trained + (copied?.entries { Progress.move() } ?? [])
        if let tiedHead, let embedding = trained.first(where: { $0.name == tiedHead.embedding }) {
            entries.append(embedding.renamed(tiedHead.name))
        }
        try layout.write(entries, metadata: ["format": "pt"], to: directory)
    }

    /// Of the change by training, the share that nearest numbers may write.
    ///
    /// Weights that start at numbers of the type, and move by less than half of their spacing, would be written as they
    /// started; those that start halfway between two, as numbers of another 16-bit type, would move by half at once.
    private static let shares = 0.75...1.5

    private func rounded(_ entries: [SafetensorsEntry], for directory: FilePath) throws -> [SafetensorsEntry] {
        let typed = try entries.map { entry in
            guard let type = types[entry.name], let tensor = trained.tensors.first(where: { $0.name == entry.name })
            else { preconditionFailure("\(entry.name) is a trained tensor") }
            return (entry: entry, type: type, tensor: tensor, change: try start?.change(to: entry, tensor, in: type))
        }
        let share = typed.compactMap(\.change).reduce(RoundedChange(), +).share
        // Not of numbers beyond the range, which are reported when they are written.
        let isNearest = !share.isFinite || Self.shares.contains(share)
        if !isNearest {
            let type = type?.configurationName ?? "16 bits"
            printNotice(
                "note: the nearest numbers of \(type) would write \(Reporting.rounded(100 * share, 0)) % of what training changed; "
                    + "numbers are rounded up or down so that all of it is kept on average; --save-dtype float32 keeps it exactly"
            )
        }
        return typed.map {
            $0.entry.rounded(to: $0.type, isNearest ? .nearest : .dithered(from: $0.tensor.offset), for: directory)
        }
    }
}
