/// Seconds that passes over rows took since the last reset.
package struct PassTimes: Sendable {
    /// Embedding and layers, forward.
    package var forward = 0.0
    /// Embedding and layers, backward.
    package var backward = 0.0
    /// Final norm and head, both ways.
    package var head = 0.0

    /// No time yet.
    package init() {}

    /// All of it.
    package var total: Double { forward + backward + head }
}
