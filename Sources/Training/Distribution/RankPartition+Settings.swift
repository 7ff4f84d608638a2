package import Collectives
package import Configuration
package import Reporting

extension RankPartition {
    /// Divides a run with `parameters` parameters over ranks according to `settings`.
    ///
    /// Collective.
    ///
    /// - Throws: `RankFailure` on every rank if shards or hosts do not suit the ranks.
    package static func establish(
        _ settings: CommunicationSettings,
        parameters: Int,
        communicator: any Communicator
    ) throws -> RankPartition {
        try establish(
            parameters: parameters,
            shards: communicator.agree { try settings.shardCount(ranks: communicator.size) },
            bucketElements: settings.bucketElements,
            collective: settings.collective,
            dtype: settings.reduceDType,
            communicator: communicator
        )
    }

    /// Adds the collective in use, and the measured times of the candidates, to a run's summary.
    package func addSummary(to record: inout MetricsRecord) {
        guard let collective else { return }
        record.add("collective", collective.rawValue)
        guard !trials.isEmpty else { return }
        record.add(
            "collective_trials",
            trials.map { trial in
                var line = MetricsRecord()
                line.add("collective", trial.collective.rawValue)
                line.add("bucket_seconds", trial.seconds)
                return line
            }
        )
    }
}
