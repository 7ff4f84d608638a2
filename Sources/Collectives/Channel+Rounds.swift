extension Channel {
    /// What goes to, or comes from, a rank.
    struct Message<Element> {
        let peer: Int
        let elements: UnsafeMutableBufferPointer<Element>
    }

    /// Bytes of a piece of a message to another host: less, with its header, than Open MPI's TCP sends without asking.
    ///
    /// Of more than 64 KiB the other side is asked first. Where two hosts send to each other, the answer waits behind all that
    /// goes the same way on their one connection: first one sends, then the other, in twice the time.
    private static let pieceBytes = 48 << 10
    /// Pieces that are on their way at most, of which each has a copy in MPI.
    private static let window = 32
    /// Members that a rank sends to, and receives from, at the same time.
    ///
    /// One after the other a rank would wait wherever another sends to the same host, and links would be idle for four tenths
    /// of the time (Karol, Hluchyj & Morgan 1987: input queues); many that send to one host at once overflow a switch.
    private static let breadth = 3

    /// Sends something to each other member of a group and receives something from each.
    ///
    /// In round `s` every member sends to the one `s` places further on; some rounds go on at the same time.
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
        let count = members.count
        for first in stride(from: 1, to: count, by: Self.breadth) {
            let rounds = first..<min(first + Self.breadth, count)
            let next = rounds.map { (index + $0) % count }
            let previous = rounds.map { (index + count - $0) % count }
            try pass(
                next.map { Message(peer: members[$0], elements: outgoing($0)) },
                receiving: previous.map { Message(peer: members[$0], elements: incoming($0)) }
            )
        }
    }

    /// Sends some messages and receives as many, the first of each in one round, and so on; all ranks do so together.
    func pass<Element>(_ outgoing: [Message<Element>], receiving incoming: [Message<Element>]) throws {
        let before = Progress.round
        let arriving = try incoming.map(begin)
        try deliver(outgoing)
        Progress.enterRound(before + outgoing.count)
        for (index, message) in incoming.enumerated() {
            Progress.note(awaited: message.peer, since: before + index + 1)
            for request in arriving[index] { try complete(request) }
        }
    }

    /// Begins to receive all pieces of a message.
    private func begin<Element>(receiving message: Message<Element>) throws -> [Int32] {
        let bytes = UnsafeMutableRawBufferPointer(message.elements)
        return try pieces(of: bytes.count, message.peer).map {
            try beginReceive(UnsafeMutableRawBufferPointer(rebasing: bytes[$0]), from: message.peer)
        }
    }

    /// Sends messages, a piece of each in turn.
    private func deliver<Element>(_ messages: [Message<Element>]) throws {
        var (sent, completed) = ([(request: Int32, peer: Int)](), 0)
        func completeFirst() throws {
            Progress.note(awaited: sent[completed].peer, since: 0)
            try complete(sent[completed].request)
            completed += 1
        }
        let pieces = messages.map { self.pieces(of: $0.elements.count * MemoryLayout<Element>.stride, $0.peer) }
        for number in 0..<(pieces.map(\.count).max() ?? 0) {
            for (message, pieces) in zip(messages, pieces) where number < pieces.count {
                if sent.count - completed == Self.window { try completeFirst() }
                let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(message.elements)[pieces[number]])
                sent.append((try beginSend(bytes, to: message.peer), message.peer))
            }
        }
        while completed < sent.count { try completeFirst() }
    }

    /// The pieces in which so many bytes go to or come from a rank: one where it is on this host.
    private func pieces(of count: Int, _ peer: Int) -> [Range<Int>] {
        let size = isRemote(peer) ? Self.pieceBytes : max(count, 1)
        return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    }
}
