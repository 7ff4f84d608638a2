internal import Compute
internal import Foundation
internal import Formats
internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// Models whose products round their operands to bfloat16, against `transformers` in float64.
struct RoundedProductTests {
    /// The scalar models of both instructions, and the instruction where the processor has it.
    private static let kernels: [ProductKernel] =
        [.bfloat16Model, .amxModel, .avx512BFloat16].filter(\.isAvailable)

    private static let goldens = Golden.allCases.filter { !Golden.long.contains($0) || Launch.isOptimized }

    /// The relative error that rounding of operands explains: `2⁻⁹` of each at most, averaged by sums, in the products of the
    /// layers and the head, which are independent.
    private func tolerance(_ golden: Golden) throws -> Double {
        let layers = try ModelDescription(directory: golden.directory).architecture.layerCount
        return 0x1p-7 * Double(layers + 1).squareRoot()
    }

    private func error(_ found: [Float], _ expected: [Float]) -> (difference: Double, size: Double) {
        let difference = zip(found, expected).reduce(0) { $0 + pow(Double($1.0 - $1.1), 2) }.squareRoot()
        return (difference, expected.reduce(0) { $0 + pow(Double($1), 2) }.squareRoot())
    }

    @Test("log-probabilities differ by the rounding of operands, and by no less than that", arguments: goldens)
    func logps(golden: Golden) throws {
        let expected = try SafetensorsFile(golden.expected).float32s("token_logps")
        for kernel in Self.kernels {
            let setting = Setting(rowTokens: 150, threads: 2, products: Products(.kernel(kernel)))
            let (difference, size) = error(try GoldenModel(golden, setting).tokenLogps(), expected)
            let tolerance = try tolerance(golden)
            #expect(difference <= tolerance * size && difference > 1e-5 * size, "\(kernel): \(difference / size)")
        }
    }

    @Test("gradients of a DPO step differ by the rounding of operands", arguments: goldens)
    func gradients(golden: Golden) throws {
        let file = try SafetensorsFile(golden.expected)
        for kernel in Self.kernels {
            let setting = Setting(sharing: .prefix, rowTokens: 4096, products: Products(.kernel(kernel)))
            let gradients = try GoldenModel(golden, setting).dpoGradients(of: file)
            var (difference, size) = (0.0, 0.0)
            for (name, found) in gradients {
                let part = error(found, try file.float32s("grad.\(name)"))
                (difference, size) = (hypot(difference, part.difference), hypot(size, part.size))
            }
            // Those of two responses, which nearly cancel, over the passes forward and backward.
            let tolerance = try 4 * tolerance(golden)
            #expect(difference <= tolerance * size && difference > 1e-5 * size, "\(kernel): \(difference / size)")
        }
    }

    @Test("both instructions for bfloat16 differ in the order of sums only", arguments: goldens.prefix(2))
    func instructions(golden: Golden) throws {
        let results = try [ProductKernel.bfloat16Model, .amxModel].map {
            try GoldenModel(golden, Setting(rowTokens: 150, products: Products(.kernel($0)))).tokenLogps()
        }
        let (difference, size) = error(results[0], results[1])
        #expect(difference <= (try tolerance(golden)) * size)
    }
}
