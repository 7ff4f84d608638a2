internal import Foundation
internal import SystemPackage
internal import TestSupport

/// The output of `Tests/Goldens/make_optimizer_goldens.py` with torch 2.15 and transformers 5.24.
struct OptimizerGolden: Decodable {
    struct Schedule: Decodable {
        let kind: String
        let steps: Int
        let warmupRatio: Double
        /// For a peak of 1.
        let rates: [Double]
    }

    struct Trajectory: Decodable {
        /// Of the gradient before clipping.
        let norms: [Double]
        /// All weights after each step.
        let weights: [[Float]]
    }

    let schedules: [Schedule]
    let trajectory: Trajectory

    static func load() throws -> OptimizerGolden {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let path = Places.repository.appending("Tests/Goldens/optimizer.json")
        return try decoder.decode(OptimizerGolden.self, from: Data(contentsOf: URL(fileURLWithPath: path.string)))
    }
}
