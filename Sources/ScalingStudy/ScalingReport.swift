package import Reporting

/// A study with its results, a forecast and its validation.
package struct ScalingReport: Sendable {
    package let study: ScalingStudy
    package let points: [ScalingPoint]
    /// Nil without a forecast.
    package let forecast: ScalingForecast?
    /// Nil without another study.
    package let validation: ScalingValidation?

    /// - Parameters:
    ///   - forecast: A forecast from the study.
    ///   - other: Another study, with which the forecast is compared.
    package init(_ study: ScalingStudy, forecast: ScalingForecast?, validating other: ScalingStudy?) {
        (self.study, points, self.forecast) = (study, study.points, forecast)
        validation = forecast.flatMap { forecast in other.map { ScalingValidation.compare(forecast, with: $0) } }
    }

    /// The report as JSON, with the runs that `ScalingStudy` decodes.
    package var record: MetricsRecord {
        var record = MetricsRecord()
        study.addRaw(to: &record)
        record.add("points", points.map(\.record))
        guard let forecast else { return record }
        record.add("forecast", forecast.record)
        record.add("forecast_points", forecast.points.map(\.record))
        if let validation { record.add("validation", validation.points.map(\.record)) }
        return record
    }
}

extension MetricsRecord {
    fileprivate mutating func add(_ key: String, _ spread: SummaryStatistics?) {
        guard let spread else { return }
        add(key, spread.median)
        add(key + "_min", spread.minimum)
        add(key + "_max", spread.maximum)
    }
}

extension ScalingPoint {
    /// The point as a JSON object, without fields that do not apply.
    package var record: MetricsRecord {
        var record = MetricsRecord()
        record.add("ranks", ranks)
        record.add("pairs", pairs)
        record.add("step_seconds", seconds)
        record.add("pairs_per_second", pairsPerSecond)
        record.add("tokens_computed_per_second", tokensPerSecond)
        record.add("speedup", speedup)
        record.add("efficiency", efficiency)
        record.add("karp_flatt", karpFlatt)
        record.add("compute_seconds", compute)
        record.add("waiting_seconds", waiting)
        record.add("exposed_communication_seconds", exposed)
        record.add("rest_seconds", rest)
        record.add("communication_seconds", communication)
        record.add("bus_bytes_per_second", busBandwidth)
        record.add("imbalance", plannedImbalance)
        record.add("measured_imbalance", measuredImbalance)
        record.add("mfu", utilization)
        record.add("peak_gflops_of_rank", peakGflops)
        return record
    }
}

extension ScalingForecast {
    /// The parameters of the forecast.
    fileprivate var record: MetricsRecord {
        var record = MetricsRecord()
        record.add("network", allReduce.network.name)
        record.add("latency_seconds", allReduce.network.latency)
        record.add("bytes_per_second", allReduce.network.bandwidth)
        record.add("summing_seconds_per_byte", allReduce.network.summing)
        record.add("ranks_per_node", allReduce.ranksPerNode)
        record.add("imbalance", model.plannedImbalance)
        record.add("rank_spread", model.spread)
        record.add("overlap", model.overlap)
        return record
    }
}

extension ScalingForecast.Point {
    /// The point as a JSON object.
    package var record: MetricsRecord {
        var record = MetricsRecord()
        record.add("nodes", nodes)
        record.add("ranks", ranks)
        record.add("pairs", pairs)
        record.add("step_seconds", parts.total)
        record.add("compute_seconds", parts.compute)
        record.add("waiting_seconds", parts.waiting)
        record.add("exposed_communication_seconds", parts.exposed)
        record.add("rest_seconds", parts.rest)
        record.add("communication_seconds", parts.communication)
        record.add("algorithm", algorithm.rawValue)
        record.add("efficiency", efficiency)
        record.add("efficiency_low", low)
        record.add("efficiency_high", high)
        if let sufficientPairs { record.add("pairs_for_95_percent", sufficientPairs) }
        return record
    }
}

extension ScalingValidation.Point {
    fileprivate var record: MetricsRecord {
        var record = MetricsRecord()
        record.add("ranks", ranks)
        record.add("step_seconds", measured)
        record.add("predicted_step_seconds", predicted)
        record.add("error", error)
        return record
    }
}
