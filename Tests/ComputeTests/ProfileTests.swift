internal import Compute
internal import Foundation
internal import Testing

@Suite("Profile")
struct ProfileTests {
    /// The profile of a team that multiplies `[2, 3] x [3, 5]` twice, then copies, then fills on one thread.
    private func profile(threads: Int, spanLimit: Int = 1000) throws -> Profile {
        let team = ThreadTeam.start(count: threads)
        let profile = Profile(threads: threads, spanLimit: spanLimit)
        let buffer = try FloatBuffer(count: 31 * threads)
        func a(_ thread: Int) -> Matrix { buffer.matrix(at: 31 * thread, rows: 2, columns: 3) }
        func b(_ thread: Int) -> Matrix { buffer.matrix(at: 31 * thread + 6, rows: 3, columns: 5) }
        func c(_ thread: Int) -> Matrix { buffer.matrix(at: 31 * thread + 21, rows: 2, columns: 5) }
        team.profile = profile
        team.run("products") { multiply(a($0), b($0), into: c($0)) }
        team.run("copies") { a($0).columns(0..<1).copy(from: c($0).columns(0..<1)) }
        team.run("products") { multiply(a($0), b($0), into: c($0), accumulate: true) }
        team.alone("alone") { c(0).fill(0) }
        team.profile = nil
        team.run("unseen") { c($0).fill(0) }
        return profile
    }

    @Test("time, operations and bytes are counted by phase and kind", arguments: [1, 3])
    func counts(threads: Int) throws {
        let phases = try profile(threads: threads).phases
        #expect(phases.map(\.name) == ["products", "copies", "alone"])
        let products = try #require(phases[0].kinds.first)
        #expect(phases[0].kinds.count == 1 && products.kind == .product)
        #expect(products.cost.calls == 2 * threads)
        #expect(products.cost.flops == 2 * threads * 2 * 2 * 3 * 5)
        // Both operands twice; the result is written, then read and written.
        #expect(products.cost.bytes == 4 * threads * (2 * (6 + 15) + 3 * 10))
        #expect(products.cost.seconds > 0 && products.cost.seconds <= Double(threads) * 60)
        #expect(phases[1].kinds.map(\.cost.bytes) == [4 * threads * 2 * 2])
        #expect(phases[2].kinds.map(\.cost.calls) == [1])
        #expect(phases.allSatisfy { $0.seconds > 0 })
    }

    @Test("the trace is JSON in which every kind lies within its phase", arguments: [1, 3])
    func trace(threads: Int) throws {
        var text = ""
        let first = try profile(threads: 1)
        try Profile.writeTrace(of: [("first", first), ("\"second\"", profile(threads: threads))]) { text += $0 }
        let root = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let all = try #require(root["traceEvents"] as? [[String: Any]])
        #expect(all.compactMap { ($0["args"] as? [String: Any])?["name"] as? String } == ["first", "second"])
        let events = all.filter { $0["ph"] as? String == "X" && $0["pid"] as? Int == 1 }
        #expect(events.count == 6 * threads + 2)
        #expect(Set(events.compactMap { $0["tid"] as? Int }) == Set(0..<threads))
        func span(_ event: [String: Any]) -> (start: Double, end: Double)? {
            guard let start = event["ts"] as? Double, let length = event["dur"] as? Double else { return nil }
            return (start, start + length)
        }
        for kind in events where kind["args"] != nil {
            let inner = try #require(span(kind))
            let holders = events.filter { outer in
                guard outer["args"] == nil, outer["tid"] as? Int == kind["tid"] as? Int, let outer = span(outer)
                else { return false }
                // Times are rounded to nanoseconds, and so may their sum be.
                return outer.start <= inner.start + 1e-3 && inner.end <= outer.end + 1e-3
            }
            #expect(holders.compactMap { $0["name"] as? String } == [kind["cat"] as? String])
        }
    }

    @Test("a full trace still counts costs")
    func limit() throws {
        let full = try profile(threads: 1, spanLimit: 2)
        var events = 0
        Profile.writeTrace(of: [("full", full)]) { events += $0.contains("\"X\"") ? 1 : 0 }
        #expect(events == 2)
        #expect(full.phases.flatMap(\.kinds).reduce(0) { $0 + $1.cost.calls } == 4)
    }
}
