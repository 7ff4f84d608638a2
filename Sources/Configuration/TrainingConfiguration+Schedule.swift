extension TrainingConfiguration {
    /// The learning rates of a run of `steps` steps.
    package func learningRates(steps: Int) -> LearningRateSchedule {
        LearningRateSchedule(
            kind: lrSchedulerType,
            peak: learningRate,
            steps: steps,
            warmupRatio: warmupRatio,
            warmupSteps: warmupSteps
        )
    }

    /// Refuses a run without a step that changes the weights.
    ///
    /// - Throws: `TrainingError.zeroRate`.
    package func checkLearningRates(steps: Int) throws {
        let rates = learningRates(steps: steps)
        guard rates.isZero else { return }
        throw TrainingError.zeroRate(steps: steps, warmup: rates.warmupSteps > 0 ? warmup : nil, peak: learningRate)
    }

    /// What to report before a run about its warm-up: settings without an effect, and one of more than half of its steps.
    package func warmupWarnings(steps: Int) -> [String] {
        let (ratio, rates) = ("\(CodingKeys.warmupRatio.rawValue) \(warmupRatio)", learningRates(steps: steps))
        if lrSchedulerType == .constant, warmupSteps > 0 || warmupRatio > 0 {
            let remedy = "use \(LearningRateSchedule.Kind.constantWithWarmup.rawValue) for warm-up"
            return ["\(warmup) has no effect with \(CodingKeys.lrSchedulerType.rawValue) constant; \(remedy)"]
        }
        let isReplaced = warmupSteps > 0 && warmupRatio > 0
        let isLong = 2 * rates.warmupSteps > steps
        return (isReplaced ? ["\(ratio) has no effect: \(warmup) replaces it"] : [])
            + (isLong ? [longWarmup(rates)] : [])
    }

    private func longWarmup(_ rates: LearningRateSchedule) -> String {
        let (length, steps) = (rates.warmupSteps, rates.steps == 1 ? "1 step" : "\(rates.steps) steps")
        let share =
            length < rates.steps
            ? "warm-up takes \(length) of \(steps)"
            : "the run of \(steps) ends before the warm-up of \(length)"
        let whole = length == rates.steps ? "warm-up takes all \(steps)" : share
        return "\(warmup): \(whole), and the learning rate reaches \(rates.highestRate)"
            + (rates.highestRate < learningRate ? " of \(learningRate)" : "")
    }

    /// The setting that determines the warm-up, with its value.
    private var warmup: String {
        guard warmupSteps > 0 else { return "\(CodingKeys.warmupRatio.rawValue) \(warmupRatio)" }
        let value = warmupSteps < 1 ? "\(warmupSteps)" : "\(Int(warmupSteps))"
        return "\(CodingKeys.warmupSteps.rawValue) \(value)"
    }

    /// Optimizer steps of the run over `stepsPerEpoch` steps an epoch.
    package func totalSteps(stepsPerEpoch: Int) -> Int {
        maxSteps > 0 ? maxSteps : Int((numTrainEpochs * Double(stepsPerEpoch)).rounded(.up))
    }

    /// The setting that determines the number of steps, with its value.
    package var length: String {
        maxSteps > 0
            ? "\(CodingKeys.maxSteps.rawValue): \(maxSteps)"
            : "\(CodingKeys.numTrainEpochs.rawValue): \(numTrainEpochs)"
    }
}
