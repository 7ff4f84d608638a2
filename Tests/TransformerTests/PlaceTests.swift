internal import Compute
internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// The bits of a token's log-probability and its place in a packed sequence.
struct PlaceTests {
    @Test(
        "neither packing nor sharing changes a bit of a forward pass, whatever the products",
        arguments: [Golden.tied, .freeHead, .gemma3],
        [ProductKernel.float32, .portable, .bfloat16Model]
    )
    func placesAndSharing(golden: Golden, kernel: ProductKernel) throws {
        let settings = Sharing.allCases.flatMap { sharing in
            [1, 150, 4096].map {
                Setting(sharing: sharing, rowTokens: $0, threads: 2, products: Products(.kernel(kernel)))
            }
        }
        let results = try settings.map { try GoldenModel(golden, $0).tokenLogps().map(\.bitPattern) }
        #expect(results[0].count > 100)
        for (setting, result) in zip(settings, results) {
            #expect(result == results[0], "\(setting.sharing), \(setting.rowTokens)")
        }
    }
}
