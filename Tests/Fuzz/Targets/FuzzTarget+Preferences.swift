internal import Preferences
internal import SystemPackage

extension FuzzTarget {
    /// Arrays of prepared data: their lengths in seven bytes, then one byte per element.
    ///
    /// Hardly any input in the form of a file would reach the arrays; the target `safetensors` covers files.
    static let prepared = FuzzTarget("prepared") {
        let file = ScratchFile("prepared.safetensors")
        return { bytes in
            preparedFile(bytes).withUnsafeBytes { file.write($0) }
            let dataset = try PreferenceDataset.read(path: file.path)
            try dataset.validate(vocabularySize: 100)
            for row in 0..<dataset.count { check(row, of: dataset) }
            for sharing in Sharing.allCases { checkPlan(of: dataset, sharing) }
            precondition(dataset.promptGroups.count == dataset.count && dataset.longestSequence > 1, "rows")
        }
    }

    private static func check(_ row: Int, of dataset: PreferenceDataset) {
        for sharing in Sharing.allCases {
            let tree = TokenTree(dataset, example: row, sharing: sharing)
            precondition(tree.count == tree.row.tokens.count, "one count")
            precondition(tree.count <= dataset.unsharedTokens(of: row), "sharing saves")
        }
        for pairing in Pairing.allCases {
            precondition(!pairing.pairs(ranks: dataset.ranks(of: row)).isEmpty, "a preference")
        }
    }

    private static func checkPlan(of dataset: PreferenceDataset, _ sharing: Sharing) {
        let cost = CostModel(bodyParameters: 1, layers: 0, heads: 0, headDimension: 0, vocabulary: 0, width: 0)
        let planner = Planner(
            dataset: dataset,
            sharing: sharing,
            rowTokens: 20,
            shards: 2,
            cost: cost,
            shortestStem: 1
        )
        let plan = planner.plan(examples: Array(0..<dataset.count))
        let packed = (0..<2).flatMap(plan.packedSequences(shard:))
        precondition(packed.reduce(0) { $0 + $1.tokens.count } == plan.work.tokens, "the planned tokens")
        precondition(packed.reduce(0) { $0 + $1.examples.count } == dataset.count, "each example")
    }

    private static func preparedFile(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let counts: [UInt8] = bytes.prefix(7) + [UInt8](repeating: 0, count: max(0, 7 - bytes.count))
        var rest = bytes.dropFirst(7)
        var entries = [#""__metadata__":{"format":"espalier-preferences","format_version":"2"}"#]
        var data: [UInt8] = []
        for (index, name) in [
            "prompt_offsets", "response_offsets", "row_offsets", "prompt_ids", "response_ids", "response_ranks",
            "response_skips",
        ].enumerated() {
            let elements = rest.prefix(Int(counts[index]))
            rest = rest.dropFirst(elements.count)
            // The last two are optional: omitted if empty.
            if index > 4, elements.isEmpty { continue }
            let (start, isLong) = (data.count, index < 3)
            for byte in elements { data += isLong ? integer(byte, as: Int64.self) : integer(byte, as: Int32.self) }
            let type = isLong ? "I64" : "I32"
            let place = "[\(start),\(data.count)]"
            entries.append(#""\#(name)":{"dtype":"\#(type)","shape":[\#(elements.count)],"data_offsets":\#(place)}"#)
        }
        let header = Array("{\(entries.joined(separator: ","))}".utf8)
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + data
    }

    /// A byte as an integer; its minimum and maximum stand for those of the type.
    private static func integer<Value: FixedWidthInteger>(_ byte: UInt8, as type: Value.Type) -> [UInt8] {
        let value: Value
        switch byte {
        case 0x7F: value = .max
        case 0x80: value = .min
        default: value = Value(Int8(bitPattern: byte))
        }
        return withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
