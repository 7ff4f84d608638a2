package import Formats
internal import SystemPackage

extension ParameterTable {
    /// The most tensors of one kind that are named.
    private static let namedCount = 3

    /// Everything for which `check` would refuse the files: tensors that are left over, missing, or of another shape or
    /// type, and a stored head that differs from the embedding that it is tied to.
    ///
    /// Reads headers only, except of a stored head that is tied.
    package func problems(in files: ModelWeights) throws -> [FormatError] {
        let stored = Set(files.names)
        let head = untiedHead(missingIn: files)?.name
        let missing = parameters.filter { !stored.contains($0.name) && $0.name != head }
        let isTieKnown = !missing.contains { $0.module == .embedding }
        return try refusal { try checkNames(files) }
            + refusal { try checkHead(files) }
            + refusal { try checkMissing(missing, files) }
            + shapeProblems(parameters.filter { stored.contains($0.name) }, files)
            + (isTieKnown ? refusal { try checkTiedHead(files) } : [])
    }

    private func checkMissing(_ missing: [Parameter], _ files: ModelWeights) throws {
        guard let first = missing.first else { return }
        // The error about one tensor suggests the nearest name.
        guard missing.count > 1 else { return try files.check(first.name, shape: first.shape) }
        let names = missing.prefix(Self.namedCount).map(\.name).joined(separator: ", ")
        let more = missing.count > Self.namedCount ? " and \(missing.count - Self.namedCount) more" : ""
        throw FormatError(
            files.directory,
            "the model has none of the \(missing.count) tensors \(names)\(more), which config.json describes; correct "
                + "config.json, or download the model again"
        )
    }

    private func shapeProblems(_ present: [Parameter], _ files: ModelWeights) throws -> [FormatError] {
        let problems = try present.flatMap { parameter in
            try refusal { try files.check(parameter.name, shape: parameter.shape) }
        }
        let named = problems.prefix(Self.namedCount).map { problem in
            // A type that is not supported has a remedy of its own.
            guard !problem.message.contains("; ") else { return problem }
            let remedy = "correct config.json, or download the model again"
            return FormatError(FilePath(problem.path), "\(problem.message); \(remedy)")
        }
        guard problems.count > named.count else { return named }
        let rest = problems.count - named.count
        let more = rest == 1 ? "1 more tensor has" : "\(rest) more tensors have"
        return named + [FormatError(files.directory, "\(more) another shape or type than config.json says")]
    }

    /// The error that a check throws; none if it passes.
    private func refusal(_ check: () throws -> Void) throws -> [FormatError] {
        do {
            try check()
            return []
        } catch let error as FormatError {
            return [error]
        }
    }
}
