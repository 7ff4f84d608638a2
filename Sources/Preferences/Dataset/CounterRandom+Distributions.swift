internal import Glibc

extension CounterRandom {
    /// A number in `(0, 1)`, each of 2⁵² equally likely.
    package mutating func nextUniform() -> Double { (Double(next() >> 12) + 0.5) * 0x1p-52 }

    /// A number of the standard normal distribution (Box & Muller 1958; of their two, the one with the cosine).
    package mutating func nextNormal() -> Double {
        let radius = (-2 * log(nextUniform())).squareRoot()
        return radius * cos(2 * .pi * nextUniform())
    }

    /// A number of the log-normal distribution about `median` whose logarithm deviates by `spread`.
    package mutating func nextLogNormal(median: Double, spread: Double) -> Double {
        median * exp(spread * nextNormal())
    }
}
