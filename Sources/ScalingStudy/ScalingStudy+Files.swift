internal import Formats
internal import Foundation
internal import Reporting
package import SystemPackage

extension ScalingStudy {
    /// Reads a study that `espalier scaling --json` wrote.
    ///
    /// - Throws: `FormatError` for a file that is not such a study, or has an impossible number.
    package init(path: FilePath) throws {
        self = try Self.read(path, as: "a study that espalier scaling --json wrote")
        do {
            try checkRanges()
        } catch {
            throw FormatError(path, "\(error); measure again")
        }
    }

    /// Reads a report of `bench --json` with one source and one sharing mode.
    ///
    /// - Parameter turn: The turn of the study that the run belongs to.
    package static func run(report path: FilePath, turn: Int) throws -> (subject: Subject, run: ScalingRun) {
        let report: Report = try read(path, as: "a report of espalier bench --json")
        guard let result = report.results.first, report.results.count == 1, !result.steps.isEmpty else {
            throw FormatError(path, "expected steps of one source and one sharing mode, found others")
        }
        let subject = Subject(
            model: report.model,
            parameters: report.parameters,
            gradientBytes: report.gradientBytes,
            data: result.data,
            sharing: result.sharing,
            rowTokens: report.rowTokens,
            threads: report.threads
        )
        let run = ScalingRun(
            ranks: report.ranks,
            turn: turn,
            peakGflops: report.peakGflops,
            pairs: result.pairs,
            tokens: result.tokens,
            flops: result.flops,
            plannedImbalance: result.imbalance,
            steps: result.steps
        )
        return (subject, run)
    }

    /// The fields of a report that a study uses.
    private struct Report: Decodable {
        struct Result: Decodable {
            let data: String
            let sharing: String
            let pairs: Int
            let tokens: Int
            let flops: Double
            let imbalance: Double
            let steps: [ScalingRun.Step]

            enum CodingKeys: String, CodingKey {
                case data, sharing, pairs, flops, imbalance, steps
                case tokens = "tokens_computed"
            }
        }

        let model: String
        let parameters: Int
        let gradientBytes: Int
        let rowTokens: Int
        let ranks: Int
        let threads: Int
        let peakGflops: Double
        let results: [Result]

        enum CodingKeys: String, CodingKey {
            case model, parameters, ranks, threads, results
            case gradientBytes = "gradient_bytes"
            case rowTokens = "row_tokens"
            case peakGflops = "peak_gflops"
        }
    }

    private static func read<Value: Decodable>(_ path: FilePath, as what: String) throws -> Value {
        let file = try MappedFile(path)
        do {
            _ = try file.withBytes { try StrictJSON.value(of: $0) }
            return try JSONDecoder().decode(Value.self, from: file.withBytes { Data($0) })
        } catch {
            throw FormatError(path, "expected \(what), found something else")
        }
    }

    /// The fields that `init(path:)` reads.
    func addRaw(to record: inout MetricsRecord) {
        record.add("mode", mode.rawValue)
        record.add("rows", rows)
        var fields = MetricsRecord()
        fields.add("model", subject.model)
        fields.add("parameters", subject.parameters)
        fields.add("gradient_bytes", subject.gradientBytes)
        fields.add("data", subject.data)
        fields.add("sharing", subject.sharing)
        fields.add("row_tokens", subject.rowTokens)
        fields.add("threads", subject.threads)
        record.add("subject", fields)
        record.add("runs", runs.map(\.record))
    }
}
