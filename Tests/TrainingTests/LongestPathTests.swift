internal import Formats
internal import Preferences
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Training
internal import Transformer

/// Data whose sequences are longer than the model takes.
struct LongestPathTests {
    private func expectRefused(_ golden: Golden, tokens: Int, _ message: String) throws {
        let model = try ModelDescription(directory: golden.directory).architecture
        func validate(_ tokens: Int) throws {
            let dataset = try PreferenceDataset(
                promptIDs: Array(repeating: 3, count: tokens - 1),
                promptOffsets: [0, tokens - 1],
                responseIDs: [4, 5],
                responseOffsets: [0, 1, 2],
                exampleOffsets: [0, 2]
            )
            try dataset.validate(from: "data.safetensors", for: model, in: nil, ranks: 1)
        }
        try validate(tokens - 1)
        expectRefusal("data.safetensors", message) { try validate(tokens) }
    }

    @Test("a sequence beyond the model's positions is refused with the remedy")
    func positions() throws {
        try expectRefused(
            .tied,
            tokens: 513,
            "the longest sequence has 513 tokens, the model takes 512; prepare the data with --max-length 512"
        )
    }

    @Test("a sequence beyond the original length of longrope is refused with the reason and the remedy")
    func longrope() throws {
        try expectRefused(
            .phi3,
            tokens: 65,
            "the longest sequence has 65 tokens, the model takes 64, the original length of its rotary scaling "
                + "(longrope); prepare the data with --max-length 64"
        )
    }

    @Test("dynamic scaling holds up to the model's positions")
    func dynamic() throws {
        try expectRefused(
            .dynamic,
            tokens: 257,
            "the longest sequence has 257 tokens, the model takes 256; prepare the data with --max-length 256"
        )
    }
}
