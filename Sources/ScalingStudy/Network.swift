internal import Foundation

/// A network between nodes, described by two numbers: a message of `n` bytes takes `latency + n / bandwidth` (Hockney
/// 1994).
package struct Network: Sendable, Equatable {
    package let name: String
    /// α: seconds of a message independent of its size.
    package let latency: Double
    /// 1/β: bytes a second of a node's link, in each direction.
    package let bandwidth: Double
    /// γ: seconds to sum a received byte; 0 if the measured `bandwidth` includes it.
    package let summing: Double

    /// The time of a core to sum a byte of float32 in memory: it reads two numbers and writes one.
    static let memorySumming = 1 / 8e9

    /// A network of these numbers.
    package init(name: String, latency: Double, bandwidth: Double, summing: Double) {
        (self.name, self.latency, self.bandwidth, self.summing) = (name, latency, bandwidth, summing)
    }

    /// Known networks; round figures for messages between processes, 94 % of the wire's rate if frames have headers.
    package static let known = [
        Network(name: "10gbe", microseconds: 30, gigabits: 9.4),
        Network(name: "25gbe", microseconds: 20, gigabits: 23.5),
        Network(name: "100gbe", microseconds: 15, gigabits: 94),
        Network(name: "ib-hdr", microseconds: 2, gigabits: 195),
    ]

    /// Parses a known name, or `MICROSECONDS:GIGABITS`; nil for other texts.
    package init?(_ text: String) {
        if let network = Self.known.first(where: { $0.name == text }) {
            self = network
            return
        }
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) ?? -1 }
        guard numbers.count == 2, (0...1e6).contains(numbers[0]), numbers[1] > 0, numbers[1] <= 1e5 else { return nil }
        self.init(name: text, microseconds: numbers[0], gigabits: numbers[1])
    }

    private init(name: String, microseconds: Double, gigabits: Double) {
        self.init(
            name: name,
            latency: microseconds * 1e-6,
            bandwidth: gigabits * 1e9 / 8,
            summing: Self.memorySumming
        )
    }
}
