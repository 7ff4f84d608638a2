internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats
internal import Reporting
internal import SystemPackage
internal import Training

struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a model with an adapter merged into its weights.",
        usage: "espalier merge --model DIR --adapter DIR --output DIR",
        discussion: """
            Adds s · B A to each adapted matrix, in float32, as PEFT's merge_and_unload does. The output has the files, \
            tensor names and configuration of the model, and is used like any other.

              espalier merge --model DIR --adapter OUT --output MERGED
            """
    )

    @Option(name: .long, help: "Hugging Face model directory that the adapter belongs to.")
    var model: String

    @Option(name: .long, help: "Directory of a LoRA adapter of the model, as PEFT or espalier writes it.")
    var adapter: String

    @Option(name: .long, help: "Output directory of the merged model; it must hold no other model.")
    var output: String

    @Option(
        name: .customLong("save-dtype"),
        help: "Type of the merged weights; auto: that of each tensor in the model (default auto)."
    )
    var saveDtype = SaveDType.auto

    @Option(name: .long, help: "Threads, 0 for the available processors (default 0).")
    var threads = 0

    func run() throws {
        let status = World.run { communicator in
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                var settings = TrainingConfiguration()
                (settings.model, settings.output, settings.threads) = (model, output, threads)
                (settings.adapter.adapter, settings.saving.saveDType) = (adapter, saveDtype)
                try settings.validateRanges()
                try settings.require([.model, .output])
                var files = settings.inputFiles
                files.write(FilePath(output).appending("config.json"), as: "--output")
                try files.check()
                try MergedModel.write(settings, threads: threadCount(threads, on: communicator))
                printNotice("saved the merged model to \(output)".printable())
            }
        }
        throw ExitCode(status)
    }
}
