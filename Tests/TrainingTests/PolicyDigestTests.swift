internal import Compute
internal import Configuration
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Training

/// Which policies have the same weights, and may share a cache of the reference.
struct PolicyDigestTests {
    private func digest(_ directory: FilePath, _ dtype: WeightDType, trains: Bool) throws -> String {
        try Policy.read(directory: directory, dtype: dtype, trains: trains, team: ThreadTeam.start(count: 1)).digest
    }

    @Test("a float32 model that is rounded is another one, the same whether it is trained or scored")
    func float32() throws {
        let directory = Golden.tied.directory
        let plain = try digest(directory, .auto, trains: true)
        for trains in [false, true] {
            #expect(try digest(directory, .float32, trains: trains) == plain)
        }
        #expect(try digest(directory, .auto, trains: false) == plain)
        let scored = try digest(directory, .bfloat16, trains: false)
        let trained = try digest(directory, .bfloat16, trains: true)
        #expect(scored == trained && scored != plain)
    }

    @Test("a bfloat16 model is the same in any type")
    func bfloat16() throws {
        try Places.temporary { directory in
            let source = directory.appending("source")
            try TypedModel.write(.tied, as: .bfloat16, to: source)
            let digests = try WeightDType.allCases.flatMap { dtype in
                try [false, true].map { try digest(source, dtype, trains: $0) }
            }
            #expect(Set(digests).count == 1)
        }
    }
}
