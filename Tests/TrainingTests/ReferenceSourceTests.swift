internal import Collectives
internal import Compute
internal import Formats
internal import Foundation
internal import Glibc
internal import Preferences
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Training
internal import Transformer

/// The number of values that a reference pass sends and writes.
struct ReferenceSourceTests {
    /// A single rank that counts the elements it reduces, and fails at a given call.
    private final class Counting: Communicator {
        struct Fault: Error {}

        let rank = 0
        let size = 1
        let hostShare = HostShare(ranks: 1, ranksByProcessor: [1])
        private(set) var floats = 0
        private var callsLeft: Int

        init(failingAfter calls: Int = .max) { callsLeft = calls }

        func allReduceSum(_ values: inout MutableSpan<Float>) throws {
            guard callsLeft > 0 else { throw Fault() }
            callsLeft -= 1
            floats += values.count
        }
        func gather(_ values: Span<Double>, root: Int) -> [Double]? { values.indices.map { values[$0] } }
        func allReduceSum(_ values: inout MutableSpan<Double>) {}
        func allReduceMax(_ values: inout MutableSpan<Double>) {}
        func broadcast(_ bytes: inout MutableSpan<UInt8>, root: Int) {}
        func barrier() {}
        func hostLeaders() -> [Int] { [0] }
        func channel() -> Channel? { nil }
        func send(_ bytes: Span<UInt8>, to rank: Int) {}
        func receive(_ bytes: inout MutableSpan<UInt8>, from rank: Int) {}
        func abort(code: Int32) -> Never { preconditionFailure("nobody aborts") }
    }

    /// The tiny model over examples.
    private struct Pass {
        let policy: Policy
        let planner: Planner
        let model: ForestModel
        let rows: [Int]

        init(_ dataset: PreferenceDataset, golden: Golden = .tied) throws {
            policy = try Policy.read(directory: golden.directory, team: ThreadTeam.start(count: 1))
            let cost = CostModel(bodyParameters: 1, layers: 1, heads: 1, headDimension: 1, vocabulary: 1, width: 1)
            planner = Planner(dataset: dataset, sharing: .prefix, rowTokens: 2048, shards: 1, cost: cost)
            rows = Array(0..<dataset.count)
            model = try policy.model(for: rows, planner: planner, trains: false)
        }

        func scoring(_ communicator: Counting) -> ScoringPass {
            ScoringPass(policy: policy, planner: planner, communicator: communicator)
        }

        /// The number of examples that are computed with the existing cache.
        func computed(_ cache: FilePath, failingAfter calls: Int = .max) throws -> Int {
            var source = ReferenceSource(pass: scoring(Counting(failingAfter: calls)), cache: cache)
            _ = try source.logps(rows: rows, model: model)
            return source.computedExamples
        }

        /// Starts a pass that fails after `chunks` chunks of 1,024 examples.
        func fail(_ cache: FilePath, afterChunks chunks: Int) {
            // The first sum shares what rank 0 has read.
            #expect(throws: Counting.Fault.self, performing: { try computed(cache, failingAfter: 1 + chunks) })
        }

        /// Expects that a cache has all values, bit by bit.
        func expectWhole(_ cache: FilePath) throws {
            let kept = try ReferenceLogps(planner.dataset, cache: cache, modelDigest: policy.digest)
            let plain = try scoring(Counting()).tokenLogps(rows: rows, model: model, title: "again")
            for response in 0..<planner.dataset.responseCount {
                let expected = plain[planner.dataset.responseRange(response)]
                #expect(kept.tokenLogps(ofResponse: response).elementsEqual(expected), "response \(response)")
            }
        }
    }

    /// Examples whose responses have `tokens` tokens.
    private func dataset(_ count: Int, tokens: Int) throws -> PreferenceDataset {
        try PreferenceDataset(
            promptIDs: (0..<count).flatMap { [Int32($0 % 131), Int32($0 / 131 % 131)] },
            promptOffsets: (0...count).map { 2 * $0 },
            responseIDs: (0..<2 * count * tokens).map { Int32($0 * 7 % 131) },
            responseOffsets: (0...2 * count).map { $0 * tokens },
            exampleOffsets: (0...count).map { 2 * $0 }
        )
    }

    /// The bytes that this thread has written to files; nil if the system does not count them.
    private func writtenBytes() -> Int? {
        let text = FileManager.default.contents(atPath: "/proc/thread-self/io").map {
            String(decoding: $0, as: UTF8.self)
        }
        let line = text?.split(separator: "\n").first { $0.hasPrefix("wchar:") }
        return line.flatMap { Int($0.split(separator: " ").last ?? "") }
    }

    @Test("a reference pass sends and writes at most twice what it computes, independent of the number of examples")
    func linear() throws {
        let dataset = try dataset(8000, tokens: 6)
        let pass = try Pass(dataset)
        let communicator = Counting()
        try Places.temporary { directory in
            let cache = directory.appending("reference.safetensors")
            var source = ReferenceSource(pass: pass.scoring(communicator), cache: cache)
            let before = writtenBytes()
            let logps = try source.logps(rows: pass.rows, model: pass.model)
            let after = writtenBytes()
            #expect(source.computedExamples == 8000 && logps.missing(among: pass.rows) == [])
            let tokens = dataset.responseIDs.count
            #expect(communicator.floats <= 2 * tokens, "\(Double(communicator.floats) / Double(tokens)) times")
            let data = 4 * tokens
            if let before, let after {
                #expect(
                    after - before > data && after - before <= 9 * data / 4,
                    "\(Double(after - before) / Double(data))"
                )
            }
            try pass.expectWhole(cache)
        }
    }

    /// The bytes of a record of 1,024 examples in a journal: 4 per token and example, counts and digest.
    private static let chunkBytes = 8 + 1024 * (4 + 4 * 2 * 2) + 64

    private func journal(_ cache: FilePath) -> URL { URL(fileURLWithPath: cache.string + ".journal") }

    @Test("examples that a pass computed before it failed are not recomputed, and are in the final cache")
    func kept() throws {
        try Places.temporary { directory in
            let (cache, pass) = (directory.appending("r.safetensors"), try Pass(dataset(3500, tokens: 2)))
            pass.fail(cache, afterChunks: 2)
            #expect(!FileManager.default.fileExists(atPath: cache.string))
            pass.fail(cache, afterChunks: 1)
            #expect(try pass.computed(cache) == 3500 - 3 * 1024)
            #expect(try pass.computed(cache) == 0)
            try pass.expectWhole(cache)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.string) == ["r.safetensors"])
        }
    }

    @Test(
        "records before the damage of a truncated or changed journal are used, and the rest is recomputed",
        arguments: [1, 64, 65, chunkBytes - 1, chunkBytes, chunkBytes + 70]
    )
    func damaged(cut: Int) throws {
        try Places.temporary { directory in
            let (cache, pass) = (directory.appending("r.safetensors"), try Pass(dataset(4000, tokens: 2)))
            pass.fail(cache, afterChunks: 3)
            var bytes = try Data(contentsOf: journal(cache))
            let left = 3 - (cut + Self.chunkBytes - 1) / Self.chunkBytes
            bytes.removeLast(cut)
            try bytes.write(to: journal(cache))
            // Records appended after the cut are valid too.
            pass.fail(cache, afterChunks: 1)
            #expect(
                try Data(contentsOf: journal(cache)).count == bytes.prefix { $0 != 0x0A }.count + 1 + (left + 1)
                    * Self.chunkBytes
            )
            bytes = try Data(contentsOf: journal(cache))
            bytes[bytes.count - Self.chunkBytes / 2] ^= 4
            try bytes.write(to: journal(cache))
            #expect(try pass.computed(cache) == 4000 - left * 1024)
            try pass.expectWhole(cache)
        }
    }

    @Test("a journal of another model, other data or another format is refused with the remedy")
    func foreign() throws {
        try Places.temporary { directory in
            let (cache, pass) = (directory.appending("r.safetensors"), try Pass(dataset(2000, tokens: 2)))
            pass.fail(cache, afterChunks: 1)
            func refusal(_ pass: Pass) -> String? {
                let error = #expect(throws: RankFailure.self) { try pass.computed(cache) }
                return error?.message
            }
            let remedy = "; choose another --reference-cache, or remove this one"
            let path = cache.string + ".journal"
            #expect(refusal(try Pass(dataset(2000, tokens: 3))) == "\(path): made for other data" + remedy)
            #expect(
                refusal(try Pass(dataset(2000, tokens: 2), golden: .freeHead))
                    == "\(path): made for another model, --dtype or --precision"
                    + remedy
            )
            for text in ["", "espalier-reference-journal", "espalier-reference-journal 2 a b\n", "a b c d\n"] {
                try Data(text.utf8).write(to: journal(cache))
                let expected = "expected a reference journal of format version 1, found other content; remove it"
                #expect(refusal(pass) == "\(path): \(expected)")
            }
        }
    }

    @Test("a journal to which another process appends stays unchanged, and the cache is complete")
    func shared() throws {
        try Places.temporary { directory in
            let (cache, pass) = (directory.appending("r.safetensors"), try Pass(dataset(3000, tokens: 2)))
            pass.fail(cache, afterChunks: 1)
            let other = open(journal(cache).path, O_RDWR)
            defer { close(other) }
            try #require(flock(other, LOCK_EX | LOCK_NB) == 0)
            let before = try Data(contentsOf: journal(cache))
            #expect(try pass.computed(cache) == 3000 - 1024)
            #expect(try Data(contentsOf: journal(cache)) == before)
            try pass.expectWhole(cache)
        }
    }
}
