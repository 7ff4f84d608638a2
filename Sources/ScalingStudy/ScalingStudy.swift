/// Runs of the same steps on several numbers of ranks.
package struct ScalingStudy: Codable, Sendable, Equatable {
    /// What stays constant as ranks are added.
    package enum Mode: String, CaseIterable, Sendable, Codable {
        /// The number of examples per rank.
        case weak
        /// The number of examples per step.
        case strong
    }

    /// The model and data of all runs.
    package struct Subject: Codable, Sendable, Equatable {
        package let model: String
        package let parameters: Int
        /// Bytes of a gradient, which every rank has.
        package let gradientBytes: Int
        package let data: String
        package let sharing: String
        /// The most tokens of a packed sequence.
        package let rowTokens: Int
        /// Threads of a rank.
        package let threads: Int

        enum CodingKeys: String, CodingKey {
            case model, parameters, data, sharing, threads
            case gradientBytes = "gradient_bytes"
            case rowTokens = "row_tokens"
        }

        /// A subject of these names and sizes.
        package init(
            model: String,
            parameters: Int,
            gradientBytes: Int,
            data: String,
            sharing: String,
            rowTokens: Int,
            threads: Int
        ) {
            (self.model, self.parameters, self.gradientBytes) = (model, parameters, gradientBytes)
            (self.data, self.sharing, self.rowTokens, self.threads) = (data, sharing, rowTokens, threads)
        }
    }

    package let mode: Mode
    /// Examples: of a rank if `mode` is weak, of a step if it is strong.
    package let rows: Int
    package let subject: Subject
    /// The runs in their order.
    package private(set) var runs: [ScalingRun]

    /// A study of these runs.
    package init(mode: Mode, rows: Int, subject: Subject, runs: [ScalingRun]) {
        (self.mode, self.rows, self.subject, self.runs) = (mode, rows, subject, runs)
    }

    /// The number of examples per step on `ranks` ranks.
    package static func rows(_ rows: Int, mode: Mode, ranks: Int) -> Int { mode == .weak ? rows * ranks : rows }

    /// The numbers of ranks, ascending.
    package var ranks: [Int] { Set(runs.map(\.ranks)).sorted() }

    /// Turns in which every number of ranks ran.
    package var turns: Int { ranks.map { ranks in runs.count { $0.ranks == ranks } }.min() ?? 0 }

    /// Adds a run of the same steps.
    package mutating func add(_ run: ScalingRun) { runs.append(run) }
}
