internal import Compute
internal import Synchronization
internal import TestSupport
internal import Testing

struct MachineTests {
    @Test(
        "a product equals its definition, transposed or not, overwritten or accumulated",
        arguments: [1, 7, 64],
        [1, 33]
    )
    func products(rows: Int, inner: Int) throws {
        let columns = 5
        let a = try TestMatrix(rows, inner) { noise($0 * 100 + $1) }
        let b = try TestMatrix(inner, columns) { noise(9999 + $0 * 100 + $1) }
        let aT = try TestMatrix(inner, rows) { Double(a.view[$1, $0]) }
        let bT = try TestMatrix(columns, inner) { Double(b.view[$1, $0]) }
        let expected = (0..<rows).flatMap { row in
            (0..<columns).map { column in
                (0..<inner).reduce(0.0) { $0 + Double(a.view[row, $1]) * Double(b.view[$1, column]) }
            }
        }
        let c = try TestMatrix(rows, columns)
        multiply(a.view, b.view, into: c.view)
        #expect(relativeError(c.doubles, expected) < 2e-6)
        multiply(a.view, bT.view.transposed, into: c.view, accumulate: true)
        #expect(relativeError(c.doubles, expected.map { 2 * $0 }) < 2e-6)
        multiply(aT.view.transposed, b.view, into: c.view, scale: 3)
        #expect(relativeError(c.doubles, expected.map { 3 * $0 }) < 2e-6)
    }

    @Test("a product with an inner dimension of 0 is zero")
    func emptyProduct() throws {
        let c = try TestMatrix(2, 2) { _, _ in 1 }
        let none = try TestMatrix(2, 0)
        multiply(none.view, none.view.transposed, into: c.view, accumulate: true)
        #expect(c.doubles == [1, 1, 1, 1])
        multiply(none.view, none.view.transposed, into: c.view)
        #expect(c.doubles == [0, 0, 0, 0])
    }

    @Test("blocks cover every index once, for any number of threads", arguments: [1, 2, 3, 5], [0, 1, 7, 256, 1000])
    func blocks(threads: Int, total: Int) {
        let team = ThreadTeam.start(count: threads)
        let seen = Mutex([Int](repeating: 0, count: total))
        for _ in 0..<20 {
            team.forEachBlock("blocks", of: total, blockSize: 64) { block, _ in
                #expect(!block.isEmpty && block.count <= 64)
                seen.withLock { seen in block.forEach { seen[$0] += 1 } }
            }
        }
        #expect(seen.withLock { $0 } == Array(repeating: 20, count: total))
        #expect(team.map("squares") { $0 * $0 } == (0..<threads).map { $0 * $0 })
    }

    @Test("AdamW equals torch.optim.AdamW")
    func adamW() throws {
        // torch 2.15: AdamW(lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.5), three steps from [1, -2, 3].
        let parameters = try TestMatrix(1, 3) { [1, -2, 3][$1] }
        let first = try TestMatrix(1, 3)
        let second = try TestMatrix(1, 3)
        let rule = AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
        for (index, gradient) in [[0.5, -0.25, 0], [0.1, 4, -1e-3], [-2, 0.5, 1e-3]].enumerated() {
            let gradient = try TestMatrix(1, 3) { 2 * gradient[$1] }
            rule.update(
                step: index + 1,
                learningRate: 0.1,
                weightDecay: 0.5,
                gradientScale: 0.5,
                parameters: parameters.view,
                gradient: gradient.view,
                first: first.view,
                second: second.view
            )
        }
        #expect(relativeError(parameters.doubles, Self.torchResult) < 1e-6)
    }

    private static let torchResult = [0.7374195808767037, -1.7527625216871479, 2.6382988300974866]

    @Test("a fallback kernel of OpenBLAS is replaced, a suitable one is kept")
    func core() {
        #expect(OpenBLASCore.remedy(for: "Prescott", level: .avx512) == "SkylakeX")
        #expect(OpenBLASCore.remedy(for: "Haswell", level: .avx512) == "SkylakeX")
        #expect(OpenBLASCore.remedy(for: "Cooperlake", level: .avx512) == nil)
        #expect(OpenBLASCore.remedy(for: "Cooperlake", level: .halvedAVX512) == "Haswell")
        #expect(OpenBLASCore.remedy(for: "Haswell", level: .halvedAVX512) == nil)
        #expect(OpenBLASCore.remedy(for: "Prescott", level: .avx2) == "Haswell")
        #expect(OpenBLASCore.remedy(for: "Zen", level: .avx2) == nil)
        #expect(OpenBLASCore.remedy(for: "Prescott", level: .baseline) == nil)
    }
}
