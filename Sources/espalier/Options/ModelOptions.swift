internal import ArgumentParser
internal import Configuration

extension WeightDType: ExpressibleByArgument {}
extension ProductPrecision: ExpressibleByArgument {}

/// The options of every command that runs a model: which one, and how it is computed.
struct ModelOptions: ParsableArguments {
    @Option(name: .long, help: "Hugging Face model directory: config.json, *.safetensors and tokenizer files.")
    var model: String?

    @OptionGroup var adapter: StoredAdapterOptions

    @Option(
        name: .long,
        help: "Type of the weights in memory; auto: that of the files, float32 of trained ones (default auto)."
    )
    var dtype: WeightDType?

    @Option(
        name: .long,
        help: "Operands of products with weights; auto: bfloat16 where it is faster (default float32)."
    )
    var precision: ProductPrecision?

    @Option(name: .long, help: "Threads per rank, 0 for its share of the available processors (default 0).")
    var threads: Int?

    /// Overrides settings by the options given.
    func override(_ configuration: inout TrainingConfiguration) {
        model.map { configuration.model = $0 }
        adapter.override(&configuration.adapter)
        threads.map { configuration.threads = $0 }
        dtype.map { configuration.dtype = $0 }
        precision.map { configuration.precision = $0 }
    }
}
