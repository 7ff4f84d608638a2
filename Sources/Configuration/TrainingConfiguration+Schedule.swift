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

    /// The warning before a run whose warm-up takes more than half of its steps; nil for others.
    package func warmupWarning(steps: Int) -> String? {
        let rates = learningRates(steps: steps)
        guard 2 * rates.warmupSteps > steps else { return nil }
        let share = "\(rates.warmupSteps) of \(steps) steps" + (rates.warmupSteps < steps ? "" : ", all of the run")
        return "\(warmup): warm-up takes \(share), and the learning rate reaches \(rates.highestRate)"
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
