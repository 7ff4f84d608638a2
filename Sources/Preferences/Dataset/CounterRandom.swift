/// A counter-based random number generator: SplitMix64 (Steele, Lea & Flood 2014), keyed by a seed and a stream.
///
/// Gives the same numbers on every machine and in every release, which the standard library does not guarantee.
package struct CounterRandom {
    private var state: UInt64

    /// A generator at the start of a stream.
    package init(seed: UInt64, stream: UInt64) {
        state = Self.mix(seed) ^ Self.mix(stream &+ 0x9E37_79B9_7F4A_7C15)
    }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// A uniform number below `bound`, by rejection of numbers above the largest multiple of it.
    package mutating func next(below bound: UInt64) -> UInt64 {
        precondition(bound > 0, "the bound is positive")
        let limit = UInt64.max - UInt64.max % bound
        while true {
            let number = next()
            if number < limit { return number % bound }
        }
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
