internal import Formats
internal import Foundation
internal import Preferences
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Training

/// The reference model's log-probabilities: which are known, and how they are cached.
struct ReferenceLogpsTests {
    /// Examples with responses of 2 and 1, 3 and 1 and 1, 1 and 2 tokens.
    private func dataset(firstToken: Int32 = 1, skips: [Int32]? = nil) throws -> PreferenceDataset {
        try PreferenceDataset(
            promptIDs: [firstToken, 2, 3],
            promptOffsets: [0, 1, 2, 3],
            responseIDs: Array(1...11),
            responseOffsets: [0, 2, 3, 6, 7, 8, 9, 11],
            exampleOffsets: [0, 2, 5, 7],
            responseSkips: skips
        )
    }

    private let values: [Float] = [-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11]

    @Test("examples are missing until they are filled, and only the given ones are filled")
    func filling() throws {
        var logps = ReferenceLogps(try dataset())
        #expect(logps.missing(among: 0..<3) == [0, 1, 2] && logps.missing(among: [2, 0]) == [2, 0])
        #expect(logps.tokenLogps(ofResponse: 0).allSatisfy { $0.isNaN })
        logps.fill(rows: [1], from: values)
        #expect(logps.missing(among: 0..<3) == [0, 2] && logps.missing(among: [1]) == [])
        #expect((2...4).map { Array(logps.tokenLogps(ofResponse: $0)) } == [[-4, -5, -6], [-7], [-8]])
        #expect([0, 1, 5, 6].allSatisfy { logps.tokenLogps(ofResponse: $0).allSatisfy { $0.isNaN } })
        logps.fill(rows: [2, 0], from: values)
        #expect(logps.missing(among: 0..<3) == [])
        #expect((0...6).flatMap { logps.tokenLogps(ofResponse: $0) } == values)
    }

    @Test("an example with one unknown token is missing")
    func oneToken() throws {
        var logps = ReferenceLogps(try dataset())
        var values = values
        values[10] = .nan
        logps.fill(rows: [0, 1, 2], from: values)
        #expect(logps.missing(among: 0..<3) == [2])
    }

    @Test("uncounted tokens are omitted")
    func skips() throws {
        var logps = ReferenceLogps(try dataset(skips: [1, 0, 2, 0, 0, 0, 1]))
        logps.fill(rows: [0, 1, 2], from: values)
        let counted = (0...6).map { Array(logps.tokenLogps(ofResponse: $0)) }
        #expect(counted == [[-2], [-3], [-6], [-7], [-8], [-9], [-11]])
        #expect(logps.missing(among: 0..<3) == [])
    }

    @Test("known and unknown values are restored from a file")
    func roundTrip() throws {
        let dataset = try dataset()
        var logps = ReferenceLogps(dataset)
        logps.fill(rows: [0, 2], from: values)
        try Places.temporary { directory in
            let path = directory.appending("reference.safetensors")
            try logps.write(to: path, modelDigest: "abc")
            var found = try ReferenceLogps(dataset, cache: path, modelDigest: "abc")
            #expect(found.missing(among: 0..<3) == [1])
            #expect([0, 1, 5, 6].map { found.tokenLogps(ofResponse: $0).reduce(0, +) } == [-3, -3, -9, -21])
            found.fill(rows: [1], from: values)
            try found.write(to: path, modelDigest: "abc")
            let whole = try ReferenceLogps(dataset, cache: path, modelDigest: "abc")
            #expect(whole.missing(among: 0..<3) == [] && Array(whole.tokenLogps(ofResponse: 2)) == [-4, -5, -6])
        }
    }

    @Test("a file with one changed bit is refused with the remedy")
    func damaged() throws {
        try Places.temporary { directory in
            let (path, dataset) = (directory.appending("reference.safetensors"), try dataset())
            var logps = ReferenceLogps(dataset)
            logps.fill(rows: [0, 1, 2], from: values)
            try logps.write(to: path, modelDigest: "abc")
            let file = URL(fileURLWithPath: path.string)
            var bytes = try Data(contentsOf: file)
            bytes[bytes.count - 7] ^= 0x10
            try bytes.write(to: file)
            let error = #expect(throws: (any Error).self) {
                try ReferenceLogps(dataset, cache: path, modelDigest: "abc")
            }
            let message = "expected the values that were written, found changed bytes"
            #expect(error.map { "\($0)" } == "\(path): \(message); remove the file to recompute them")
        }
    }

    @Test("the file of another model or of other data is refused with the remedy")
    func foreign() throws {
        try Places.temporary { directory in
            let path = directory.appending("reference.safetensors")
            let dataset = try dataset()
            let own = ModelDigest.version + "abc"
            let remedy = "; choose another --reference-cache, or remove this one"
            func refusal(_ dataset: PreferenceDataset, _ digest: String) -> String? {
                let error = #expect(throws: (any Error).self) {
                    try ReferenceLogps(dataset, cache: path, modelDigest: digest)
                }
                return error.map { "\($0)" }
            }
            try ReferenceLogps(dataset).write(to: path, modelDigest: own)
            #expect(
                refusal(dataset, ModelDigest.version + "abd")
                    == "\(path): made for another model, --dtype or --precision" + remedy
            )
            #expect(refusal(try self.dataset(firstToken: 9), own) == "\(path): made for other data" + remedy)
            // Digests of earlier versions depended on the program.
            let incomparable = "a model digest of another version of espalier, which cannot be compared"
            try ReferenceLogps(dataset).write(to: path, modelDigest: "abc")
            #expect(refusal(dataset, own) == "\(path): made for \(incomparable)" + remedy)
            // A file that is no cache, and a cache whose tokens do not match its digest.
            try SafetensorsWriter.write([SafetensorsEntry(name: "token_logps", values)], to: path)
            let other = "expected a reference cache, found another safetensors file; choose another --reference-cache"
            #expect(refusal(dataset, own) == "\(path): \(other)")
            let format = "espalier-reference-logps"
            let metadata = ["format": format, "model_digest": own, "data_digest": dataset.digest]
            let short = SafetensorsEntry(name: "token_logps", [-1] as [Float])
            try SafetensorsWriter.write([short], metadata: metadata, to: path)
            #expect(refusal(dataset, own) == "\(path): made for other data" + remedy)
            try SafetensorsWriter.write([], metadata: metadata, to: path)
            #expect(refusal(dataset, own) == "\(path): has no tensor token_logps")
        }
    }
}
