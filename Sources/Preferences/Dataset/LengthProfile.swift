/// The lengths of a well-known preference dataset, without its text.
///
/// Medians and speed-ups are those of Wang & Hegde 2024 (arXiv 2410.20305). About the medians lengths are log-normal, by
/// a `spread` that is a choice of ours: the paper tells none.
package struct LengthProfile: Sendable, Equatable {
    /// The dataset's name in the paper, in lower case.
    package let name: String
    /// The median of prompt and one completion together, in tokens.
    package let overallLength: Double
    /// The median of prompt over completion.
    package let prefixRatio: Double
    /// What sharing the prompt gained the paper over packed sequences: times as fast.
    package let paperSpeedup: Double

    /// All profiles of the paper.
    package static let all = [
        LengthProfile(name: "capybara", overallLength: 1160, prefixRatio: 1.59, paperSpeedup: 1.34),
        LengthProfile(name: "hh-rlhf", overallLength: 186, prefixRatio: 2.15, paperSpeedup: 1.41),
        LengthProfile(name: "metamath-dpo", overallLength: 872, prefixRatio: 3.91, paperSpeedup: 1.57),
        LengthProfile(name: "tldr", overallLength: 416, prefixRatio: 11.14, paperSpeedup: 1.35),
        LengthProfile(name: "tulu-helpsteer", overallLength: 775, prefixRatio: 6.34, paperSpeedup: 1.48),
        LengthProfile(name: "ultrafeedback", overallLength: 409, prefixRatio: 0.42, paperSpeedup: 1.17),
    ]

    /// The standard deviation of the logarithm of a row's overall length and of its ratio.
    package static let spread = 0.4
    /// The standard deviation of the logarithm of a response's length about its row's completion length.
    package static let responseSpread = 0.2

    /// The profile of this name.
    package static func named(_ name: String) -> LengthProfile? { all.first { $0.name == name } }

    /// The lengths of `count` rows, the same for the same seed.
    ///
    /// - Parameters:
    ///   - responses: Responses of each row, at least 2.
    ///   - longest: The most tokens of a prompt and a response together, at least 2; longer rows are cut.
    package func rows(_ count: Int, responses: Int, longest: Int, seed: UInt64) -> [RowLengths] {
        precondition(longest >= 2, "room for a prompt and a response")
        var random = CounterRandom(seed: seed, stream: Self.stream)
        return (0..<count).map { _ in
            let overall = random.nextLogNormal(median: overallLength, spread: Self.spread)
            let ratio = random.nextLogNormal(median: prefixRatio, spread: Self.spread)
            let total = min(overall, Double(longest))
            let prompt = min(max(1, Int((total * ratio / (1 + ratio)).rounded())), longest - 1)
            let completion = total / (1 + ratio)
            let lengths = (0..<responses).map { _ in
                let length = random.nextLogNormal(median: completion, spread: Self.responseSpread)
                return min(max(1, Int(length.rounded())), longest - prompt)
            }
            return RowLengths(prompt: prompt, responses: lengths)
        }
    }

    /// Apart from the streams of epochs, which count from 0.
    private static let stream: UInt64 = 1 << 62
}
