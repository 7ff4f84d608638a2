internal import Compute
package import Reporting

/// The peak rates of all ranks together in FLOP/s, over the turns of a benchmark.
package struct PeakRateSummary: Sendable {
    /// The rate that `mfu` refers to.
    package let limit: SummaryStatistics
    /// Products of bfloat16 in registers; nil without an instruction for them.
    package let bfloat16: SummaryStatistics?
    /// The library's best product.
    package let library: SummaryStatistics

    /// Summarizes one or more measurements.
    init(_ rates: [PeakRate]) {
        limit = SummaryStatistics(rates.map(\.limit))
        let products = rates.compactMap(\.bfloat16)
        bfloat16 = products.isEmpty ? nil : SummaryStatistics(products)
        library = SummaryStatistics(rates.map(\.library))
    }

    /// Adds medians, minima and maxima in GFLOP/s.
    func addFields(to record: inout MetricsRecord) {
        func add(_ rate: SummaryStatistics, _ key: String) {
            record.add(key, rate.median / 1e9)
            record.add(key + "_min", rate.minimum / 1e9)
            record.add(key + "_max", rate.maximum / 1e9)
        }
        add(limit, "peak_gflops")
        if let bfloat16 { add(bfloat16, "bfloat16_peak_gflops") }
        add(library, "library_gflops")
    }
}
