internal import Collectives
internal import Formats
internal import SystemPackage
internal import Transformer

/// The weights of a trained model as they are written: in the files, and under the names, of the model that it was trained
/// from.
///
/// Trained tensors are float32; all others are copied from that model's files, byte for byte. Of an adapter, its own
/// tensors are written, under PEFT's names.
struct OutputWeights {
    /// The files of checkpoints that a shard must not replace.
    private static let reserved = [Checkpoint.momentsName, Checkpoint.bestName]

    private let layout: WeightLayout
    /// Nil for an adapter.
    private let copied: CopiedTensors?
    /// A second name of a tensor: of a stored projection that is tied to the embedding.
    private let tiedHead: (name: String, embedding: String)?
    /// The bytes that the files take on disk, at most.
    let byteCount: Int

    /// Reads the layout of the model in `source`, and the digests of the tensors that are copied.
    ///
    /// - Throws: `FormatError` for a tensor or a file name that cannot be written.
    init(source: FilePath, parameters: ParameterTable) throws {
        // Resolved, so that a link that changes during the run leads to no other model.
        let files = try ModelWeights(directory: source.resolved ?? source)
        try parameters.check(files)
        layout = files.layout
        try Self.checkNames(layout, source)
        let copied = try CopiedTensors(parameters.copiedNames(of: files), of: files) { Progress.move() }
        self.copied = copied
        tiedHead = parameters.tiedHead(in: files)
        let trained = parameters.trained
        let embedding = tiedHead.flatMap { tied in trained.tensors.first { $0.name == tied.embedding } }
        let count = trained.count + (embedding?.count ?? 0)
        byteCount = count * MemoryLayout<Float>.stride + copied.byteCount + layout.overhead
    }

    /// The weights of an adapter.
    init(_ adapter: PolicyAdapter, of model: ModelDescription) {
        let (trained, tensors) = (adapter.parameters(of: model).trained, adapter.adapter.tensors(of: model))
        layout = WeightLayout(tensors: tensors.map(\.name), in: WeightFiles.adapter)
        copied = nil
        let copies = tensors.filter { $0.part == .copy }.map(\.name)
        let written = trained.tensors.first { $0.parameter.part == .copy }?.name
        let isTied = model.architecture.tiesEmbeddings && copies.count == 2
        tiedHead = isTied ? copies.first { $0 != written }.flatMap { name in written.map { (name, $0) } } : nil
        let count = tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
        byteCount = count * MemoryLayout<Float>.stride + layout.overhead
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

    /// Writes the weights to a directory, in place of others there.
    ///
    /// - Parameter trained: The trained tensors.
    /// - Throws: `FormatError`, also if the model that tensors are copied from has changed; see `WeightLayout.write`.
    func write(_ trained: [SafetensorsEntry], to directory: FilePath) throws {
        var entries = trained + (copied?.entries { Progress.move() } ?? [])
        if let tiedHead, let embedding = trained.first(where: { $0.name == tiedHead.embedding }) {
            entries.append(embedding.renamed(tiedHead.name))
        }
        try layout.write(entries, metadata: ["format": "pt"], to: directory)
    }
}
