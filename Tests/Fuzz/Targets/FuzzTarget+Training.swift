internal import Configuration
internal import Formats
internal import Preferences
internal import Reporting
internal import RunReport
internal import ScalingStudy
internal import SystemPackage
internal import Training
internal import Transformer

extension FuzzTarget {
    /// Every target.
    package static var all: [FuzzTarget] {
        [
            json, safetensors, header, index, manifest, card, config, train, cluster, hosts, prepared, journal, state,
            metrics, run, study, tokenizer,
        ]
    }

    static let config = FuzzTarget("config") {
        let directory = FilePath("model")
        try directory.makeDirectory()
        let file = ScratchFile(directory.appending("config.json"))
        return { bytes in
            file.write(bytes)
            let model = try ModelDescription(directory: directory)
            // Each layer has nine tensor names.
            guard model.architecture.layerCount <= 32 else { return }
            let layout = model.parameters.trained
            precondition(
                layout.count > 0 && layout.tensors.last.map { $0.range.upperBound } == layout.count,
                "no overflow"
            )
        }
    }

    static let train = FuzzTarget("train") {
        let (file, again) = (ScratchFile("train.yaml"), ScratchFile("again.yaml"))
        return { bytes in
            file.write(bytes)
            if let translation = try Translation(of: file.path) {
                try translation.check()
                Array(translation.yaml.utf8).withUnsafeBytes { again.write($0) }
                var read = try TrainingConfiguration(yaml: again.path)
                (read.data, read.evaluation.evalData) = ("", nil)
                precondition(read == translation.configuration, "a translation as it is written")
                return
            }
            let settings = try TrainingConfiguration(yaml: file.path)
            try settings.validate()
            try Array(settings.yaml().utf8).withUnsafeBytes { again.write($0) }
            let read = try? TrainingConfiguration(yaml: again.path)
            precondition(read == settings, "settings as they are written")
        }
    }

    static let cluster = FuzzTarget("cluster") {
        let file = ScratchFile("cluster.yaml")
        return { bytes in
            file.write(bytes)
            _ = try ClusterConfiguration(yaml: file.path)
        }
    }

    static let hosts = FuzzTarget("hosts") {
        let file = ScratchFile("hosts")
        return { bytes in
            file.write(bytes)
            try HostFile(file.path).requireSlots(2)
        }
    }

    static let state = FuzzTarget("state") {
        { bytes in
            let json = try CheckpointState(json: String(decoding: bytes, as: UTF8.self)).json()
            let again = try? CheckpointState(json: json).json()
            precondition(again == json, "a state as it is written")
        }
    }

    static let metrics = FuzzTarget("metrics") {
        { bytes in
            try MetricsLines.check(bytes, lastStep: 100, of: "metrics.jsonl")
        }
    }

    /// The files of a run, one after the other with a NUL between them, and its page.
    static let run = FuzzTarget("run") {
        let directory = FilePath("run")
        try directory.makeDirectory()
        let files = RecordedRun.fileNames.map { ScratchFile(directory.appending($0)) }
        return { bytes in
            let parts = bytes.split(separator: 0, maxSplits: files.count - 1, omittingEmptySubsequences: false)
            for (index, file) in files.enumerated() {
                file.write(
                    index < parts.count ? UnsafeRawBufferPointer(rebasing: parts[index]) : .init(start: nil, count: 0)
                )
            }
            let run = try RecordedRun(directory)
            for page in [RunReport([run]).html, RunReport([run, run]).html] {
                precondition(!page.utf8.contains { $0 < 0x09 } && !page.contains("<script"), "text is escaped")
            }
        }
    }

    /// A study, and all outputs of `espalier scaling --from`.
    static let study = FuzzTarget("study") {
        let (file, again) = (ScratchFile("study.json"), ScratchFile("again.json"))
        return { bytes in
            file.write(bytes)
            let study = try ScalingStudy(path: file.path)
            let question = ScalingForecast.Question(nodes: 5, network: Network("10gbe"), ranksPerNode: 2)
            let report = ScalingReport(study, forecast: ScalingForecast.compute(study, question), validating: study)
            Array(report.record.page.utf8).withUnsafeBytes { again.write($0) }
            precondition((try? ScalingStudy(path: again.path)) == study, "a study as it is written")
            precondition(!report.csv.isEmpty && !ScalingHTML(report).text.isEmpty, "figures")
            let hasControls = ScalingSummary(report).text.utf8.contains { $0 < 0x20 && $0 != UInt8(ascii: "\n") }
            precondition(!hasControls, "no control characters")
        }
    }
}
