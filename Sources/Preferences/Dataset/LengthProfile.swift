/// The length distribution of a well-known preference dataset, without its text.
///
/// Medians and speed-ups are those of Wang & Hegde 2024 (arXiv 2410.20305). Lengths are log-normal about the medians;
/// the paper reports no dispersion, so `logDeviation` is our choice.
package struct LengthProfile: Sendable, Equatable {
    /// The dataset's name in the paper, in lower case.
    package let name: String
    /// The median length of prompt plus one completion, in tokens.
    package let overallLength: Double
    /// The median ratio of prompt length to completion length.
    package let prefixRatio: Double
    /// The paper's speed-up of prompt sharing over packed sequences.
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

    /// The standard deviation of the logarithm of an example's overall length, and of its ratio.
    package static let logDeviation = 0.4
    /// The standard deviation of the logarithm of a response's length around the completion length of its example.
    package static let responseLogDeviation = 0.2

    /// The profile with this name, or nil.
    package static func named(_ name: String) -> LengthProfile? { all.first { $0.name == name } }

    /// Samples the lengths of `count` examples; the same seed gives the same lengths.
    ///
    /// - Parameters:
    ///   - responses: Responses per example, at least 2.
    ///   - longest: The maximum number of tokens of prompt plus response, at least 2; longer ones are truncated.
    package func examples(_ count: Int, responses: Int, longest: Int, seed: UInt64) -> [ExampleLengths] {
        precondition(longest >= 2, "at least a token each of prompt and response")
        var random = CounterRandom(seed: seed, stream: Self.stream)
        return (0..<count).map { _ in
            let overall = random.nextLogNormal(median: overallLength, logDeviation: Self.logDeviation)
            let ratio = random.nextLogNormal(median: prefixRatio, logDeviation: Self.logDeviation)
            let total = min(overall, Double(longest))
            let prompt = min(max(1, Int((total * ratio / (1 + ratio)).rounded())), longest - 1)
            let completion = total / (1 + ratio)
            let lengths = (0..<responses).map { _ in
                let length = random.nextLogNormal(median: completion, logDeviation: Self.responseLogDeviation)
                return min(max(1, Int(length.rounded())), longest - prompt)
            }
            return ExampleLengths(prompt: prompt, responses: lengths)
        }
    }

    /// Distinct from the streams of epochs, which count from 0.
    private static let stream: UInt64 = 1 << 62
}
