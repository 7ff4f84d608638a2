internal import Configuration
internal import Preferences

/// The number of steps of a run, and the examples and learning rate of each step.
struct RunSchedule {
    let stepsPerEpoch: Int
    let totalSteps: Int
    /// The sampler at the first step of the run.
    let start: BatchSampler
    private let learningRates: LearningRateSchedule
    /// The sampler at the next step.
    private var cursor: BatchSampler

    /// The schedule of a run over `dataset`, at its first step.
    init(_ dataset: PreferenceDataset, _ configuration: TrainingConfiguration) {
        start = BatchSampler(dataset, configuration)
        cursor = start
        stepsPerEpoch = start.stepsPerEpoch
        totalSteps = configuration.totalSteps(stepsPerEpoch: stepsPerEpoch)
        learningRates = configuration.learningRates(steps: totalSteps)
    }

    /// Skips the examples of `steps` steps.
    mutating func advance(by steps: Int) { cursor.advance(by: steps) }

    /// Returns the examples of the next step, and advances.
    mutating func nextExamples() -> [Int] { cursor.next() }

    /// The learning rate of the step after `step` steps.
    func learningRate(after step: Int) -> Double { learningRates.rate(step: step) }

    /// The number of epochs in `step` steps.
    func epoch(after step: Int) -> Double { Double(step) / Double(stepsPerEpoch) }

    /// The fraction of the run in `step` steps.
    func fraction(after step: Int) -> Double { Double(step) / Double(totalSteps) }
}
