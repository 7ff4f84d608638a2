internal import Compute
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Weights whose matrices are stored in 16 bits.
struct ParameterBufferTests {
    private func table(_ golden: Golden) throws -> ParameterTable {
        try ModelDescription(directory: golden.directory).parameters
    }

    private func elements(_ stored: StoredMatrix) throws -> [Float] {
        switch stored {
        case .float32(let matrix): return matrix.elements()
        case .half(let matrix):
            let result = try TestMatrix(matrix.rows, matrix.columns)
            matrix.widen(into: result.view)
            return result.view.elements()
        }
    }

    private func rounded(_ values: [Float], _ type: HalfType) throws -> [Float] {
        let buffer = try HalfBuffer(count: values.count, type: type)
        let matrix = buffer.matrix(rows: 1, columns: values.count)
        matrix.withMutableSpan { result in _ = type.round(values.span, into: &result) }
        return try elements(.half(matrix))
    }

    /// Expects the matrices of `buffer` to be those of `exact`, rounded, and the vectors to be equal.
    private func expectRounded(_ buffer: ParameterBuffer, _ exact: ParameterBuffer, _ type: HalfType) throws {
        var matrices = 0
        for tensor in buffer.layout.tensors {
            let (found, expected) = (try elements(buffer.stored(tensor)), exact.elements(of: tensor).elements())
            let isMatrix = tensor.shape.count == 2
            #expect(try found == (isMatrix ? rounded(expected, type) : expected), "\(tensor.name)")
            #expect((buffer.stored(tensor).matrix == nil) == isMatrix)
            matrices += isMatrix ? tensor.count : 0
        }
        let count = buffer.layout.count
        #expect(matrices > 0 && buffer.byteCount == 2 * count + 4 * (count - matrices))
    }

    @Test("matrices of a float32 model are rounded once, vectors are not", arguments: HalfType.allCases)
    func rounding(type: HalfType) throws {
        let table = try table(.freeHead)
        let files = try ModelWeights(directory: Golden.freeHead.directory)
        let (exact, buffer) = (try ParameterBuffer(table.trained), try ParameterBuffer(table.trained, matrixType: type))
        try table.read(files, into: exact)
        try table.read(files, into: buffer)
        try expectRounded(buffer, exact, type)
        #expect(try table.trained.halfType(in: files) == nil)
    }

    @Test("matrices of a model of 16 bits have its bits", arguments: HalfType.allCases)
    func copied(type: HalfType) throws {
        try Places.temporary { directory in
            let source = directory.appending("model")
            try TypedModel.write(.tied, as: ElementType(type), to: source)
            let (table, files) = (try table(.tied), try ModelWeights(directory: source))
            #expect(try table.trained.halfType(in: files) == type)
            let exact = try ParameterBuffer(table.trained)
            let buffer = try ParameterBuffer(table.trained, matrixType: type)
            try table.read(files, into: exact)
            try table.read(files, into: buffer)
            for tensor in buffer.layout.tensors {
                #expect(try elements(buffer.stored(tensor)) == exact.elements(of: tensor).elements(), "\(tensor.name)")
            }
        }
    }

    @Test(
        "rounded vectors are among the elements of a buffer in 16 bits, and are restored from them",
        arguments: [false, true]
    )
    func vectors(reads: Bool) throws {
        let table = try table(.freeHead)
        let files = try ModelWeights(directory: Golden.freeHead.directory)
        let (exact, buffer) = (
            try ParameterBuffer(table.trained), try ParameterBuffer(table.trained, matrixType: .bfloat16)
        )
        try table.read(files, into: exact)
        try table.read(files, into: buffer)
        // Random weights round after they are filled, those of files as they are read.
        for tensor in buffer.layout.tensors where tensor.shape.count == 1 {
            #expect(buffer.elements(of: tensor).elements() == exact.elements(of: tensor).elements())
        }
        if reads {
            try table.read(files, into: buffer, roundsVectors: true)
        } else {
            buffer.roundVectors()
        }
        let halves = try #require(buffer.halves)
        let expected = try rounded(exact.flat.elements(), .bfloat16)
        #expect(try elements(.half(halves)) == expected)
        for tensor in buffer.layout.tensors where tensor.shape.count == 1 {
            #expect(buffer.elements(of: tensor).elements() == Array(expected[tensor.range]), "\(tensor.name)")
            #expect(buffer.elements(of: tensor).elements() != exact.elements(of: tensor).elements())
            buffer.elements(of: tensor).fill(7)
        }
        buffer.widenVectors()
        for tensor in buffer.layout.tensors {
            #expect(try elements(buffer.stored(tensor)) == Array(expected[tensor.range]), "\(tensor.name)")
        }
    }

    @Test("random weights in 16 bits are those in float32, rounded, on any team", arguments: [1, 3])
    func random(threads: Int) throws {
        let table = try table(.freeHead)
        let (exact, buffer) = (
            try ParameterBuffer(table.trained), try ParameterBuffer(table.trained, matrixType: .bfloat16)
        )
        RandomWeights(seed: 9).fill(exact, team: ThreadTeam.start(count: 1))
        RandomWeights(seed: 9).fill(buffer, team: ThreadTeam.start(count: threads))
        try expectRounded(buffer, exact, .bfloat16)
    }
}
