internal import Collectives
internal import Compute
internal import Transformer

extension ParameterBuffer {
    /// Sets all elements to zero, each thread its share.
    func clear(team: ThreadTeam) {
        let flat = self.flat
        team.run("clear gradients") { thread in flat.columns(team.share(of: flat.columns, thread: thread)).fill(0) }
    }

    /// The Euclidean norm, by units so that the order of summation does not depend on the team.
    func norm(team: ThreadTeam) -> Double {
        unitSquares(of: [0..<flat.columns], team: team).reduce(0, +).squareRoot()
    }

    /// The sum of squares of each unit of the buffer that is in one of `parts`; zero for the others.
    ///
    /// - Parameter parts: Whole units, except at the end of the buffer.
    func unitSquares(of parts: [Range<Int>], team: ThreadTeam) -> [Double] {
        let flat = self.flat
        var sums = [Double](repeating: 0, count: unitCount(of: flat.columns))
        for part in parts where !part.isEmpty {
            let units = part.lowerBound / reductionUnit..<unitCount(of: part.upperBound)
            let found = team.map("gradient norm") { thread -> [Double] in
                let share = team.share(of: units.count, thread: thread)
                let bounds = [share.lowerBound, share.upperBound].map { (units.lowerBound + $0) * reductionUnit }
                let elements = min(bounds[0], part.upperBound)..<min(bounds[1], part.upperBound)
                return Kernels.sumsOfSquares(flat.columns(elements), unit: reductionUnit)
            }
            sums.replaceSubrange(units, with: found.joined())
        }
        return sums
    }
}
