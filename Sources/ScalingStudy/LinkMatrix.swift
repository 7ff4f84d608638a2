internal import Reporting

/// Latency and bandwidth between pairs of ranks.
package struct LinkMatrix: Sendable {
    /// A measured rank.
    package struct Place: Sendable, Equatable {
        package let rank: Int
        /// The name of its host.
        package let host: String

        /// A rank on this host.
        package init(rank: Int, host: String) {
            (self.rank, self.host) = (rank, host)
        }
    }

    /// Two places, the lower first, and the bandwidth of their link.
    package typealias Pair = (first: Place, second: Place, bandwidth: Double)

    /// The bytes of a small message, which measures latency, and of a large one, which measures bandwidth.
    package static let (smallBytes, largeBytes) = (8, 4 << 20)

    /// Ascending by rank, at least two.
    package let places: [Place]
    /// Whether the places are on different hosts.
    package let joinsHosts: Bool
    /// The number of places without a limit.
    package let candidates: Int
    /// Seconds of a small and of a large message, `[n, n]` each, from row to column.
    private let small: [Double]
    private let large: [Double]

    /// A matrix of measured times.
    ///
    /// - Parameters:
    ///   - candidates: At least the number of places.
    ///   - small: Seconds of a small message, `[n, n]`; those from a place to itself are not used.
    ///   - large: Seconds of a large message, in the same order.
    package init(places: [Place], joinsHosts: Bool, candidates: Int, small: [Double], large: [Double]) {
        let count = places.count * places.count
        precondition(places.count > 1 && small.count == count && large.count == count, "times are [n, n]")
        (self.places, self.joinsHosts, self.candidates) = (places, joinsHosts, candidates)
        (self.small, self.large) = (small, large)
    }

    /// α of two places: seconds of a small message.
    package func latency(_ from: Int, _ to: Int) -> Double { small[from * places.count + to] }

    /// 1/β of two places: bytes a second of a large message.
    package func bandwidth(_ from: Int, _ to: Int) -> Double {
        Double(Self.largeBytes) / large[from * places.count + to]
    }

    private var pairs: [(from: Int, to: Int)] {
        places.indices.flatMap { from in (from + 1..<places.count).map { (from, $0) } }
    }

    /// The medians over all pairs, with a name that `Network` parses.
    package var network: Network {
        let latency = SummaryStatistics(pairs.map { self.latency($0.from, $0.to) }).median
        let bandwidth = SummaryStatistics(pairs.map { self.bandwidth($0.from, $0.to) }).median
        let name = "\(Self.figures(latency * 1e6)):\(Self.figures(bandwidth * 8 / 1e9))"
        return Network(name: name, latency: latency, bandwidth: bandwidth, summing: Network.memorySumming)
    }

    /// The bandwidth of the fastest pair.
    private var highestBandwidth: Double { pairs.map { bandwidth($0.from, $0.to) }.max() ?? 0 }

    /// The pair with the lowest bandwidth, if that is less than half of the highest.
    ///
    /// Not half of the median: one slow host of four slows half of all pairs.
    package var slowPair: Pair? {
        let slowest = pairs.min { bandwidth($0.from, $0.to) < bandwidth($1.from, $1.to) }
        guard let (from, to) = slowest, bandwidth(from, to) < highestBandwidth / 2 else { return nil }
        return (places[from], places[to], bandwidth(from, to))
    }

    // MARK: Text

    /// The medians, the slowest pair if it stands out, and the value of `--network` for a forecast.
    package var summary: String {
        let (count, network) = (places.count, self.network)
        let size = candidates > count ? "\(count) of \(candidates)" : "\(count)"
        let medians = "\(Self.figures(network.latency * 1e6)) µs, \(Self.figures(network.bandwidth / 1e9)) GB/s"
        guard joinsHosts else { return "\(size) ranks of one host: \(medians)" }
        let text = "\(size) hosts: \(medians); for --network: \(network.name)"
        guard let slow = slowPair else { return text }
        let ends = "\(Self.name(slow.first)) and \(Self.name(slow.second))"
        let (low, high) = (Self.figures(slow.bandwidth / 1e9), Self.figures(highestBandwidth / 1e9))
        return text + "; \(low) GB/s between \(ends), \(high) at best"
    }

    private static func name(_ place: Place) -> String { "rank \(place.rank) (\(place.host))" }

    /// Both matrices, with ranks as column headings.
    package var table: String {
        matrix("µs of a small message") { latency($0, $1) * 1e6 }
            + matrix("GB/s of messages of \(Self.largeBytes >> 20) MiB") { bandwidth($0, $1) / 1e9 }
    }

    private func matrix(_ title: String, _ value: (Int, Int) -> Double) -> String {
        let labels = places.map { "\($0.rank) \($0.host)" }
        let width = labels.map(\.count).max() ?? 0
        func line(_ label: String, _ cells: [String]) -> String {
            let gap = String(repeating: " ", count: width - label.count)
            return "    \(label)\(gap)\(cells.map(Self.aligned).joined())\n"
        }
        let rows = places.indices.map { from in
            line(labels[from], places.indices.map { from == $0 ? "-" : Self.figures(value(from, $0)) })
        }
        return "    \(title)\n" + line("", places.map { "\($0.rank)" }) + rows.joined()
    }

    private static func aligned(_ text: String) -> String {
        String(repeating: " ", count: max(1, 8 - text.count)) + text
    }

    /// Formats a number with three digits, or more before the point.
    private static func figures(_ value: Double) -> String {
        rounded(value, value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0)
    }
}
