internal import Preferences

/// How long a run is, and which rows and which learning rate each of its steps takes.
struct RunSchedule {
    let stepsPerEpoch: Int
    let totalSteps: Int
    /// At the first step of the run.
    let beginning: StepCursor
    private let learningRates: LearningRateSchedule
    /// At the next step.
    private var cursor: StepCursor

    /// The schedule of a run over `dataset`, at its beginning.
    init(_ dataset: PreferenceDataset, _ configuration: TrainingConfiguration) {
        beginning = StepCursor(dataset, configuration)
        cursor = beginning
        stepsPerEpoch = beginning.stepsPerEpoch
        totalSteps = configuration.totalSteps(stepsPerEpoch: stepsPerEpoch)
        learningRates = LearningRateSchedule(
            kind: configuration.lrSchedulerType,
            peak: configuration.learningRate,
            steps: totalSteps,
            warmupRatio: configuration.warmupRatio
        )
    }

    /// Leaves out the rows of `steps` steps.
    mutating func advance(by steps: Int) { cursor.advance(by: steps) }

    /// The rows of the next step; moves on.
    mutating func nextRows() -> [Int] { cursor.next() }

    /// The rate of the step after `step` steps.
    func learningRate(after step: Int) -> Double { learningRates.rate(step: step) }

    /// Passes over the data that `step` steps are.
    func epoch(after step: Int) -> Double { Double(step) / Double(stepsPerEpoch) }

    /// The part of the run that `step` steps are.
    func share(after step: Int) -> Double { Double(step) / Double(totalSteps) }
}
