internal import Configuration
internal import Preferences
package import Reporting
internal import Training

extension BenchmarkReport {
    /// The report as JSON, with one line for each result.
    package var record: MetricsRecord {
        var record = MetricsRecord()
        record.add("model", model)
        record.add("parameters", parameters)
        peakRates.addFields(to: &record)
        products.addSummary(to: &record)
        record.add("ranks", ranks)
        record.add("threads", threads)
        record.add("gradient_bytes", parameters * MemoryLayout<Float>.stride)
        record.add("global_batch_size", settings.training.globalBatchSize)
        record.add("row_tokens", settings.training.rowTokens)
        if settings.sharedPrefix > 0 { record.add("shared_prefix", settings.sharedPrefix) }
        record.add("recompute", settings.training.gradientCheckpointing)
        record.add("seed", settings.training.seed)
        record.add("repeats", settings.repeats)
        record.add("results", results.map(\.record))
        return record
    }
}

extension BenchmarkResult {
    /// The result as a JSON object, without fields that do not apply.
    var record: MetricsRecord {
        var record = MetricsRecord()
        record.add("data", source.label)
        record.add("sharing", sharing.rawValue)
        add(mfu, to: &record, as: "mfu")
        add(seconds, to: &record, as: "step_seconds")
        record.add("pairs", pairs)
        record.add("flops", flops)
        record.add("tokens_computed", tokensComputed)
        record.add("pairs_per_second", pairsPerSecond)
        record.add("tokens_computed_per_second", tokensComputedPerSecond)
        if let speedup { add(speedup, to: &record, as: "speedup_vs_none") }
        record.add("flop_ratio_vs_none", flopRatio)
        if let gainOverPairs {
            add(gainOverPairs.speedup, to: &record, as: "speedup_vs_pairs")
        }
        for (gain, name) in [(gainOverNone, "none"), (gainOverPairs, "pairs")] {
            if let gain { record.add("computed_flop_ratio_vs_\(name)", gain.flopRatio) }
        }
        if let paper = source.paperSpeedup { record.add("paper_speedup", paper) }
        phases.addParts(to: &record)
        record.add("imbalance", plannedImbalance)
        add(measuredImbalance, to: &record, as: "measured_imbalance")
        record.add("packed_tokens", packed.tokens)
        record.add("activation_bytes", packed.bytes)
        record.add("peak_rss_bytes", peakBytes)
        record.add("steps", steps.map(\.timesRecord))
        return record
    }

    private func add(_ spread: SummaryStatistics, to record: inout MetricsRecord, as key: String) {
        record.add(key, spread.median)
        record.add(key + "_min", spread.minimum)
        record.add(key + "_max", spread.maximum)
    }
}

extension StepReport {
    /// The times of one step as a JSON object.
    fileprivate var timesRecord: MetricsRecord {
        var record = MetricsRecord()
        record.add("step_seconds", seconds.total)
        seconds.addParts(to: &record)
        record.add("compute_seconds", ranks.seconds)
        record.add("measured_imbalance", ranks.imbalance)
        record.add("rank_spread", ranks.spread)
        return record
    }
}
