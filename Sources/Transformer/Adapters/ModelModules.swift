/// The modules of a model by name, as far as an adapter can name them.
struct ModelModules {
    /// A module with its name.
    struct Named {
        let module: Module
        let name: String
        /// `[out, in]`, or `[V, D]` for embedding and head.
        let shape: [Int]
    }

    let names: AdapterNames
    let modelType: String
    /// The linear layers, in the order of the model.
    let linear: [Named]
    /// The embedding, and the head even if it is tied.
    let vocabulary: [Named]
    /// Whether the head is the embedding.
    let isTied: Bool
    /// The names of all other modules: norms, and what contains modules.
    let others: [String]

    init(_ architecture: Architecture, _ names: AdapterNames, modelType: String) {
        (self.names, self.modelType) = (names, modelType)
        isTied = architecture.tiesEmbeddings
        let declared = ParameterTable.declarations(of: architecture)
        let vocabularyShape = [architecture.vocabularySize, architecture.width]
        vocabulary = [Module.embedding, .head].map {
            Named(module: $0, name: names.name(of: $0), shape: vocabularyShape)
        }
        linear = declared.filter { $0.0.layer != nil && $0.1.kind == .matrix }
            .map { Named(module: $0.0, name: names.name(of: $0.0), shape: $0.1.shape) }
            .sorted { ($0.module.layer ?? 0) < ($1.module.layer ?? 0) }
        let norms = declared.filter { [.norm, .normOffset].contains($0.1.kind) }.map { names.name(of: $0.0) }
        others = norms + Self.containers(of: (linear + vocabulary).map(\.name))
    }

    /// The names of everything that contains modules, and of the activations between them.
    private static func containers(of names: [String]) -> [String] {
        var containers: Set<String> = []
        for name in names {
            let parts = name.split(separator: ".")
            for count in 1..<max(1, parts.count) { containers.insert(parts.prefix(count).joined(separator: ".")) }
        }
        let activations = containers.filter { $0.hasSuffix(".mlp") }.flatMap { ["\($0).act_fn", "\($0).act"] }
        return (containers + activations).sorted()
    }

    /// The last parts of the names of linear layers, each once.
    var linearNames: [String] { Set(linear.map { names.lastName(of: $0.module) }).sorted() }

    /// The last parts of the names of embedding and head.
    var vocabularyNames: [String] { vocabulary.map { names.lastName(of: $0.module) }.sorted() }

    /// The module whose name is `name` or ends in it after a dot, among embedding and head.
    func vocabularyModule(named name: String) -> Module? {
        vocabulary.first { $0.name == name || ModulePattern.ends(of: $0.name).contains(name) }?.module
    }
}
