internal import Foundation
internal import Objectives
internal import Testing

/// Sigmoid DPO and cDPO against their formulas, torch and central differences.
struct SigmoidObjectiveTests {
    private static let betas = [0.01, 0.1, 0.5, 2]
    private static let smoothings = [0, 0.1, 0.3, 0.499]
    private static let margins = [-200, -30, -5, -1, -0.125, 0, 0.25, 1, 3, 17, 40, 300.0]

    /// The results of torch for a pair, `[chosen, rejected, reference chosen, reference rejected]`.
    struct Known: Sendable {
        let beta: Double
        let smoothing: Double
        let logps: [Double]
        let loss: Double
        let derivative: Double
    }

    /// Made with torch 2.15 in float64 by TRL's formula, where `x = beta * ((c - r) - (rc - rr))`:
    /// `-logsigmoid(x) * (1 - e) - logsigmoid(-x) * e`, and its gradient for `c` by autograd; that for `r` is its
    /// opposite.
    private static let torch = [
        Known(
            beta: 0.1,
            smoothing: 0,
            logps: [-45.25, -60.5, -44, -57.75],
            loss: 0.6209570477895321,
            derivative: -0.04625701546562505
        ),
        Known(
            beta: 0.1,
            smoothing: 0.1,
            logps: [-45.25, -60.5, -44, -57.75],
            loss: 0.6359570477895321,
            derivative: -0.03625701546562505
        ),
        Known(
            beta: 0.5,
            smoothing: 0,
            logps: [-3.5, -2.25, -9.75, -1.5],
            loss: 0.029750418272620566,
            derivative: -0.014656115375678158
        ),
        Known(
            beta: 0.5,
            smoothing: 0.3,
            logps: [-3.5, -2.25, -9.75, -1.5],
            loss: 1.0797504182726205,
            derivative: 0.13534388462432181
        ),
        Known(beta: 2, smoothing: 0.25, logps: [-10, -30, -20, -10], loss: 15, derivative: 0.5),
        Known(
            beta: 0.01,
            smoothing: 0,
            logps: [-400, -410, -500, -300],
            loss: 0.11551952317975496,
            derivative: -0.0010909682119561294
        ),
        Known(
            beta: 1,
            smoothing: 0,
            logps: [-1, -80, -2, -3],
            loss: 1.3336148155022614e-34,
            derivative: -1.3336148155022614e-34
        ),
    ]

    private func sigmoid(beta: Double, labelSmoothing: Double = 0) throws -> Objective {
        try Objective("sigmoid") { ($0.beta, $0.labelSmoothing) = (beta, labelSmoothing) }
    }

    @Test("loss and derivatives equal torch's", arguments: torch)
    func literals(known: Known) throws {
        let logps = known.logps
        let objective = try sigmoid(beta: known.beta, labelSmoothing: known.smoothing)
        let loss = objective.loss(of: PairLogps(logps[0], logps[1], reference: (logps[2], logps[3])))
        // A few units in the last place, relative: also where the loss is tiny.
        #expect(abs(loss.value - known.loss) <= 4e-15 * known.loss)
        #expect(abs(loss.chosenDerivative - known.derivative) <= 4e-15 * abs(known.derivative))
        #expect(loss.rejectedDerivative == -loss.chosenDerivative)
    }

    @Test("the loss follows the formula", arguments: betas, smoothings)
    func formula(beta: Double, smoothing: Double) throws {
        let objective = try sigmoid(beta: beta, labelSmoothing: smoothing)
        for margin in Self.margins {
            let x = beta * margin
            // Where neither sigmoid is 1 to rounding, the formula as it is written.
            guard abs(x) < 15 else { continue }
            let expected = -(1 - smoothing) * log(1 / (1 + exp(-x))) - smoothing * log(1 / (1 + exp(x)))
            let found = objective.loss(of: PairLogps(margin: margin)).value
            // Where the loss is small, `log` of a number near 1 is good to one unit in its last place only.
            #expect(abs(found - expected) < 1e-15 + 4e-15 * expected, "margin \(margin)")
        }
    }

    @Test("the derivatives follow central differences", arguments: betas, smoothings)
    func derivatives(beta: Double, smoothing: Double) throws {
        let objective = try sigmoid(beta: beta, labelSmoothing: smoothing)
        // Truncation is beta^3 h^2 / 40, rounding 2e-16 * loss / h: below 4e-9 together.
        let (step, tolerance) = (1e-4, 4e-9)
        for margin in Self.margins {
            let pair = PairLogps(margin: margin)
            func difference(_ field: WritableKeyPath<PairLogps, Double>) -> Double {
                var (above, below) = (pair, pair)
                above[keyPath: field] += step
                below[keyPath: field] -= step
                return (objective.loss(of: above).value - objective.loss(of: below).value) / (2 * step)
            }
            let loss = objective.loss(of: pair)
            #expect(abs(loss.chosenDerivative - difference(\.chosen)) < tolerance, "margin \(margin)")
            #expect(abs(loss.rejectedDerivative - difference(\.rejected)) < tolerance, "margin \(margin)")
        }
    }

    @Test("an extreme margin neither overflows nor loses the gradient", arguments: [0, 0.25])
    func limits(smoothing: Double) throws {
        let objective = try sigmoid(beta: 1, labelSmoothing: smoothing)
        for margin in [1e4, 1e6, 1e300] {
            let right = objective.loss(of: PairLogps(margin, 0, reference: (0, 0)))
            #expect(
                right
                    == PairLoss(value: smoothing * margin, chosenDerivative: smoothing, rejectedDerivative: -smoothing)
            )
            let wrong = objective.loss(of: PairLogps(-margin, 0, reference: (0, 0)))
            #expect(wrong.value == (1 - smoothing) * margin)
            #expect(wrong.chosenDerivative == smoothing - 1 && wrong.rejectedDerivative == 1 - smoothing)
        }
    }

    @Test("a small loss does not underflow to 0, nor does its gradient", arguments: [20, 37, 40, 100, 700.0])
    func smallLosses(margin: Double) throws {
        let loss = try sigmoid(beta: 1).loss(of: PairLogps(margin, 0, reference: (0, 0)))
        // log(1 + e) = e - e²/2, and σ(-m) = e - e², for e = exp(-m) below 2.1e-9.
        let small = exp(-margin)
        #expect(loss.value > 0 && abs(loss.value - small * (1 - small / 2)) <= 4e-16 * small)
        #expect(loss.chosenDerivative < 0 && abs(loss.chosenDerivative + small * (1 - small)) <= 4e-16 * small)
    }

    @Test("NaN propagates")
    func notANumber() throws {
        let loss = try sigmoid(beta: 0.1, labelSmoothing: 0.1).loss(of: PairLogps(margin: .nan))
        #expect(loss.value.isNaN && loss.chosenDerivative.isNaN && loss.rejectedDerivative.isNaN)
    }

    @Test(
        "a policy that is the reference has a loss of log 2 for every beta and smoothing",
        arguments: betas,
        smoothings
    )
    func start(beta: Double, smoothing: Double) throws {
        let objective = try sigmoid(beta: beta, labelSmoothing: smoothing)
        let loss = objective.loss(of: PairLogps(-12.5, -70, reference: (-12.5, -70)))
        #expect(abs(loss.value - log(2)) < 2e-16 && objective.usesReference)
        #expect(abs(loss.chosenDerivative + beta * (0.5 - smoothing)) < 1e-16)
    }

    @Test(
        "a setting out of range is refused by name",
        arguments: [
            (0, 0, "beta must be a finite number above 0, found 0.0"),
            (-0.1, 0, "beta must be a finite number above 0, found -0.1"),
            (.infinity, 0, "beta must be a finite number above 0, found inf"),
            (.nan, 0, "beta must be a finite number above 0, found nan"),
            (0.1, -0.01, "label_smoothing must be at least 0, below 0.5, found -0.01"),
            (0.1, 0.5, "label_smoothing must be at least 0, below 0.5, found 0.5"),
            (0.1, .nan, "label_smoothing must be at least 0, below 0.5, found nan"),
        ] as [(Double, Double, String)]
    )
    func settings(beta: Double, smoothing: Double, message: String) {
        let error = #expect(throws: ObjectiveError.self) { try sigmoid(beta: beta, labelSmoothing: smoothing) }
        #expect(error?.description == message)
    }
}
