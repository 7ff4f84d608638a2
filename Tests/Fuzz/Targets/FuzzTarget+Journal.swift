internal import Formats
internal import Preferences
internal import SystemPackage
internal import Training

extension FuzzTarget {
    /// The journal of a reference pass over two examples.
    ///
    /// Bytes up to the first zero byte replace the first line, unless there are none. Each record is a byte for the
    /// number of its examples, one for that of its tokens, and one for each of these; its digest is added, since hardly
    /// any input would have it.
    static let journal = FuzzTarget("journal") {
        let dataset = try PreferenceDataset(
            promptIDs: [7, 8],
            promptOffsets: [0, 1, 2],
            responseIDs: [1, 2, 3, 4, 5],
            responseOffsets: [0, 2, 3, 4, 5],
            exampleOffsets: [0, 2, 4]
        )
        let cache = FilePath("reference.safetensors")
        let file = ScratchFile(ReferenceJournal.path(of: cache))
        let header = "espalier-reference-journal 1 model \(dataset.digest)\n"
        return { bytes in
            let (content, isWhole) = journal(bytes, header: header)
            content.withUnsafeBytes { file.write($0) }
            func rows() throws -> [ExampleLogps] {
                try ReferenceJournal(of: cache, dataset, modelDigest: "model").rows()
            }
            let found = try rows()
            for part in found {
                precondition(part.rows.allSatisfy { $0 < dataset.count }, "examples of the dataset")
                precondition(part.tokens.count == part.rows.reduce(0) { $0 + 3 - $1 }, "a value for each token")
            }
            guard isWhole(found) else { return }
            let more = ExampleLogps(dataset, rows: [1, 0], tokens: [-1, -2, -3, -4, -5])
            try ReferenceJournal(of: cache, dataset, modelDigest: "model").append(more)
            let all = try rows()
            precondition(all.count == found.count + 1 && all.last?.tokens == more.tokens, "what was appended")
        }
    }

    /// The content of a journal, and whether records that were read are all of it.
    private static func journal(
        _ bytes: UnsafeRawBufferPointer,
        header: String
    ) -> (content: [UInt8], isWhole: ([ExampleLogps]) -> Bool) {
        let line = bytes.prefix { $0 != 0 }
        var rest = bytes.dropFirst(line.count + 1)
        var (content, digest) = (line.isEmpty ? Array(header.utf8) : line + [UInt8(ascii: "\n")], header)
        while rest.count >= 2 {
            let count = rest.prefix(2).reduce(2) { $0 + Int($1) }
            let record = rest.prefix(count).flatMap { byte in
                withUnsafeBytes(of: UInt32(byte).littleEndian) { Array($0) }
            }
            rest = rest.dropFirst(count)
            var next = Digest()
            next.update(digest)
            next.update(record)
            digest = next.hexadecimal
            content += record + Array(digest.utf8)
        }
        content += rest
        let size = content.count
        return (content, { $0.reduce(header.utf8.count) { $0 + 72 + 4 * ($1.rows.count + $1.tokens.count) } == size })
    }
}
