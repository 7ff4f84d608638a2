/// The seconds of passes over packed sequences since the last reset.
package struct PassTimes: Sendable {
    /// Embedding and layers, forward.
    package var forward = 0.0
    /// Embedding and layers, backward.
    package var backward = 0.0
    /// Final norm and head, forward and backward.
    package var head = 0.0

    /// Zero times.
    package init() {}

    /// The total.
    package var total: Double { forward + backward + head }
}
