internal import Glibc

extension CounterRandom {
    /// A uniform number in `(0, 1)`, one of 2⁵² equally likely values.
    package mutating func nextUniform() -> Double { (Double(next() >> 12) + 0.5) * 0x1p-52 }

    /// A standard normal number (Box & Muller 1958; the one of their two with the cosine).
    package mutating func nextNormal() -> Double {
        let radius = (-2 * log(nextUniform())).squareRoot()
        return radius * cos(2 * .pi * nextUniform())
    }

    /// A log-normal number with this median, whose logarithm has the standard deviation `logDeviation`.
    package mutating func nextLogNormal(median: Double, logDeviation: Double) -> Double {
        median * exp(logDeviation * nextNormal())
    }
}
