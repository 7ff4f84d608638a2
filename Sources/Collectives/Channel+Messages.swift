extension Channel {
    /// A buffer that is sent to, or received from, one rank.
    struct Message<Element> {
        let peer: Int
        let elements: UnsafeMutableBufferPointer<Element>
    }

    /// Bytes of a piece of a message to another host: with its header, below the eager limit of Open MPI's TCP transport.
    ///
    /// A message of more than 64 KiB starts with a handshake. If two hosts send to each other, the reply queues behind the
    /// data that flows in the same direction on their single connection: the two transfers run one after the other, in twice
    /// the time.
    private static let pieceBytes = 48 << 10
    /// The maximum number of a rank's pieces in flight: sent, and not known to be received.
    ///
    /// Together 768 KiB, which 10 Gbit/s carry in 0.6 ms. The receivers get pieces in turn, so that the mean queue at a port
    /// of a switch does not grow with the number of hosts. If a piece were complete once the kernel has accepted it, only TCP
    /// would limit the data in flight, by the packets that are lost when several ranks send to one host. TCP remembers the
    /// loss, and hosts then share links unevenly for minutes.
    private static let window = 16

    /// Sends a buffer to each other rank of a group and receives one from each.
    ///
    /// - Parameters:
    ///   - ranks: The ranks of the group; `index` is this rank's position.
    ///   - outgoing: The buffer for the rank at a position.
    ///   - incoming: The buffer that receives from the rank at a position.
    func exchange<Element>(
        among ranks: [Int],
        index: Int,
        sending outgoing: (Int) -> UnsafeMutableBufferPointer<Element>,
        receiving incoming: (Int) -> UnsafeMutableBufferPointer<Element>
    ) throws {
        // Each rank sends to its successor first, so that no two ranks send to the same one.
        let (count, distances) = (ranks.count, 1..<ranks.count)
        let next = distances.map { (index + $0) % count }
        let previous = distances.map { (index + count - $0) % count }
        try transfer(
            next.map { Message(peer: ranks[$0], elements: outgoing($0)) },
            receiving: previous.map { Message(peer: ranks[$0], elements: incoming($0)) }
        )
    }

    /// Sends messages and receives others; all ranks call it together.
    func transfer<Element>(_ outgoing: [Message<Element>], receiving incoming: [Message<Element>]) throws {
        let (receiving, sent) = (Progress.round + 1, Progress.round + 2)
        let arriving = try incoming.map(begin)
        Progress.enterRound(receiving)
        try deliver(outgoing, round: receiving)
        Progress.enterRound(sent)
        for (message, requests) in zip(incoming, arriving) {
            Progress.note(awaited: message.peer, since: sent)
            for request in requests { try complete(request) }
        }
    }

    /// Starts to receive all pieces of a message.
    private func begin<Element>(receiving message: Message<Element>) throws -> [Int32] {
        let bytes = UnsafeMutableRawBufferPointer(message.elements)
        return try pieces(of: bytes.count, message.peer).map {
            try beginReceive(UnsafeMutableRawBufferPointer(rebasing: bytes[$0]), from: message.peer)
        }
    }

    /// Sends messages, one piece of each in turn, to ranks that receive them from a round on.
    private func deliver<Element>(_ messages: [Message<Element>], round: Int) throws {
        var sent: [(request: Int32, peer: Int)] = []
        // The first received piece frees a slot, so that a slow receiver does not delay the others.
        func completeOne() throws {
            Progress.note(awaited: sent[0].peer, since: round)
            sent.remove(at: try complete(anyOf: sent.map(\.request)))
        }
        let pieces = messages.map { self.pieces(of: $0.elements.count * MemoryLayout<Element>.stride, $0.peer) }
        for number in 0..<(pieces.map(\.count).max() ?? 0) {
            for (message, pieces) in zip(messages, pieces) where number < pieces.count {
                if sent.count == Self.window { try completeOne() }
                let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(message.elements)[pieces[number]])
                sent.append((try beginSend(bytes, to: message.peer), message.peer))
            }
        }
        while !sent.isEmpty { try completeOne() }
    }

    /// The pieces of a message of `count` bytes to or from a rank: a single one if that rank is on this host.
    private func pieces(of count: Int, _ peer: Int) -> [Range<Int>] {
        let size = isRemote(peer) ? Self.pieceBytes : max(count, 1)
        return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    }
}
