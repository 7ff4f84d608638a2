// The program that tests of Collectives run on several ranks; each command checks itself and prints one line on rank 0.
internal import Collectives
internal import Foundation

struct Mismatch: Error, CustomStringConvertible {
    let description: String
}

@main
enum RankProgram {
    static func main() {
        let command = CommandLine.arguments.dropFirst().first ?? ""
        exit(World.run { try run(command, $0) })
    }

    private static func run(_ command: String, _ communicator: any Communicator) throws {
        switch command {
        case "reduce": try reduce(communicator)
        case "large": try large(communicator)
        case "exchange":
            let compared = try Exchanges(communicator: communicator).check()
            try expect(compared == 140, "\(compared) exchanges")
        case "messages": try Exchanges(communicator: communicator).messages()
        case "times":
            let words = Array(CommandLine.arguments.dropFirst(2))
            return try ExchangeTimes(communicator: communicator).report(words)
        case "hosts": try Exchanges(communicator: communicator).hosts()
        case "agree":
            try communicator.agree {
                if communicator.rank >= 1 { throw Mismatch(description: "disk \(communicator.rank) is gone") }
            }
        case "throw":
            if communicator.rank == communicator.size - 1 { throw Mismatch(description: "out of luck") }
            try communicator.barrier()
        default: throw Mismatch(description: "unknown command")
        }
        if communicator.rank == 0 { print("ok \(communicator.size)") }
    }

    private static func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        guard condition else { throw Mismatch(description: what()) }
    }

    private static func reduce(_ communicator: any Communicator) throws {
        let (rank, size) = (communicator.rank, communicator.size)
        var floats = [Float(rank), 1, -Float(rank)]
        var floatSpan = floats.mutableSpan
        try communicator.allReduceSum(&floatSpan)
        let total = size * (size - 1) / 2
        try expect(floats == [Float(total), Float(size), -Float(total)], "float sums \(floats)")
        try expect(try communicator.sum([Double(rank), 0.5]) == [Double(total), 0.5 * Double(size)], "double sums")
        try expect(try communicator.maximum(Double(rank)) == Double(size - 1), "maximum")
        try expect(try communicator.broadcast("from \(rank) ß", root: size - 1) == "from \(size - 1) ß", "broadcast")
        // Including values that a sum with zeros would change.
        let sent: [Float] = rank == 0 ? [-0.0, .nan, .leastNonzeroMagnitude, -1.5] : [1, 2, 3, 4]
        var received = sent
        var receivedSpan = received.mutableSpan
        try communicator.broadcast(&receivedSpan, root: 0)
        let bits = received.map(\.bitPattern)
        let expected = [-0.0, .nan, .leastNonzeroMagnitude, -1.5].map { (value: Float) in value.bitPattern }
        try expect(bits == expected, "broadcast floats \(received)")
        let gathered = try communicator.gather([Double(rank), 7].span, root: 0)
        try expect(gathered == (rank == 0 ? (0..<size).flatMap { [Double($0), 7] } : nil), "gather")
        var none: [Float] = []
        var noSpan = none.mutableSpan
        try communicator.allReduceSum(&noSpan)
        try expect(none.isEmpty, "an empty span stays empty")
        none.removeAll()
        try communicator.barrier()
    }

    /// Several pieces, of which the last one is shorter.
    private static func large(_ communicator: any Communicator) throws {
        let (count, size) = (15_000_007, communicator.size)
        var values = LongArray.periodic(1000, count: count) { Float($0 + communicator.rank) }
        var span = values.mutableSpan
        try communicator.allReduceSum(&span)
        let sums = LongArray.periodic(1000, count: count) { Float($0 * size + size * (size - 1) / 2) }
        try expect(LongArray.haveSameBits(values, sums), "sums of \(count) floats")
    }
}
