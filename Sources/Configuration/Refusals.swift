internal import Collectives
package import Formats
package import Objectives
package import Preferences

// Errors caused by settings, model or data, which the same command would repeat.

extension FormatError: Refusal {
    package var isRefusal: Bool { !isTransient }
}

extension DatasetError: Refusal {
    package var isRefusal: Bool { true }
}

extension ObjectiveError: Refusal {
    package var isRefusal: Bool { true }
}

extension TrainingError: Refusal {
    package var isRefusal: Bool {
        switch self {
        case .invalid, .required, .missing, .zeroRate, .notOne, .moreRanksThanExamples, .unevenShards,
            .scoresNotFinite, .foreignCache, .damagedCache, .foreignCheckpoint, .otherLength, .otherVersion,
            .noUsableCheckpoint:
            true
        case .notFinite, .weightsNotFinite, .ranksDiffer, .spikes: false
        }
    }
}
