extension Channel {
    /// What goes to, or comes from, a rank.
    struct Message<Element> {
        let peer: Int
        let elements: UnsafeMutableBufferPointer<Element>
    }

    /// Bytes of a piece of a message to another host: less, with its header, than Open MPI's TCP sends without asking.
    ///
    /// Of more than 64 KiB the other side is asked first. Where two hosts send to each other, the answer waits behind all
    /// that goes the same way on their one connection: first one sends, then the other, in twice the time.
    private static let pieceBytes = 48 << 10
    /// Pieces of a rank that are on their way at most: sent, and not yet known to be taken.
    ///
    /// Together 768 KiB, what 10 Gbit/s carry in 0.6 ms. All to which a rank sends get pieces in turn, so that no port of a
    /// switch has more before it on average, however many hosts there are. Were a piece done with once the kernel has it,
    /// TCP alone would limit what is on its way: by what it loses where several send to one host. It remembers the loss, and
    /// hosts then share links unevenly for minutes.
    private static let window = 16

    /// Sends something to each other member of a group and receives something from each.
    ///
    /// - Parameters:
    ///   - members: The ranks of the group; `index` is this rank's place.
    ///   - outgoing: What is sent to the member at a place.
    ///   - incoming: Where what comes from the member at a place is put.
    func exchange<Element>(
        among members: [Int],
        index: Int,
        sending outgoing: (Int) -> UnsafeMutableBufferPointer<Element>,
        receiving incoming: (Int) -> UnsafeMutableBufferPointer<Element>
    ) throws {
        // Everybody begins with the next, so that no two send to the same.
        let (count, distances) = (members.count, 1..<members.count)
        let next = distances.map { (index + $0) % count }
        let previous = distances.map { (index + count - $0) % count }
        try pass(
            next.map { Message(peer: members[$0], elements: outgoing($0)) },
            receiving: previous.map { Message(peer: members[$0], elements: incoming($0)) }
        )
    }

    /// Sends some messages and receives as many; all ranks do so together.
    func pass<Element>(_ outgoing: [Message<Element>], receiving incoming: [Message<Element>]) throws {
        let (taking, sent) = (Progress.round + 1, Progress.round + 2)
        let arriving = try incoming.map(begin)
        Progress.enterRound(taking)
        try deliver(outgoing, round: taking)
        Progress.enterRound(sent)
        for (message, requests) in zip(incoming, arriving) {
            Progress.note(awaited: message.peer, since: sent)
            for request in requests { try complete(request) }
        }
    }

    /// Begins to receive all pieces of a message.
    private func begin<Element>(receiving message: Message<Element>) throws -> [Int32] {
        let bytes = UnsafeMutableRawBufferPointer(message.elements)
        return try pieces(of: bytes.count, message.peer).map {
            try beginReceive(UnsafeMutableRawBufferPointer(rebasing: bytes[$0]), from: message.peer)
        }
    }

    /// Sends messages, a piece of each in turn, to ranks that take them in a round.
    private func deliver<Element>(_ messages: [Message<Element>], round: Int) throws {
        var sent: [(request: Int32, peer: Int)] = []
        // Whichever is taken first makes room, so that a rank that takes slowly does not hold up what goes to others.
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

    /// The pieces in which so many bytes go to or come from a rank: one where it is on this host.
    private func pieces(of count: Int, _ peer: Int) -> [Range<Int>] {
        let size = isRemote(peer) ? Self.pieceBytes : max(count, 1)
        return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    }
}
