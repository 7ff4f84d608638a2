internal import Compute
internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// The bits of a token's log-probability and its place in a packed sequence.
struct PlaceTests {
    @Test(
        "packing changes no bit of a forward pass, whatever the products",
        arguments: [Golden.tied, .freeHead, .gemma3],
        [ProductKernel.float32, .portable, .bfloat16Model]
    )
    func packing(golden: Golden, kernel: ProductKernel) throws {
        for sharing in [Sharing.none, .prompt, .prefix] {
            let results = try [1, 150, 4096].map {
                let setting = Setting(
                    sharing: sharing,
                    rowTokens: $0,
                    threads: 2,
                    products: Products(.kernel(kernel))
                )
                return try GoldenModel(golden, setting).tokenLogps().map(\.bitPattern)
            }
            #expect(results[0] == results[1] && results[0] == results[2], "\(sharing)")
            #expect(results[0].count > 100)
        }
    }
}
