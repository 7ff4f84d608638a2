package import Compute
package import Reporting

extension PeakRate {
    /// Adds the rates in GFLOP/s to `summary.json`; `peak_gflops` is the one that `mfu` refers to.
    package func addSummary(to summary: inout MetricsRecord) {
        summary.add("peak_gflops", limit / 1e9)
        if let bfloat16 { summary.add("bfloat16_peak_gflops", bfloat16 / 1e9) }
        summary.add("library_gflops", library / 1e9)
    }
}
