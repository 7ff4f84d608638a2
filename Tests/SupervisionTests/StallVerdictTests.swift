internal import Collectives
internal import Supervision
internal import Testing

struct StallVerdictTests {
    private let members = (0..<4).map { JobMember(rank: $0, host: "node\($0)", process: Int32(100 + $0)) }

    private func record(
        _ calls: Int,
        isInCall: Bool = true,
        step: Int = 12,
        round: Int = 0,
        awaited: Int? = nil,
        awaitedRound: Int = 0
    ) -> StallRecord {
        let state = Progress.State(
            motions: 1,
            step: step,
            phase: "training",
            call: "allReduceSum",
            calls: calls,
            isInCall: isInCall,
            round: round,
            awaited: awaited,
            awaitedRound: awaitedRound
        )
        return StallRecord(state, beat: 1, seconds: 1800)
    }

    private func verdict(_ members: [JobMember], _ records: [Int: StallRecord], heard: Set<Int>) -> String {
        StallVerdict.text(members: members, records: records, heard: heard, timeout: 1800, place: "OUT/stall")
    }

    @Test("a rank's record describes its activity")
    func records() {
        #expect(record(481).text == "step 12, training, in allReduceSum, collective call 481, for 1800 s")
        let before = "training, after collective call 480, for 1800 s"
        #expect(record(480, isInCall: false, step: 0).text == before)
    }

    @Test("a rank without a record is named, also if an old record of it exists")
    func silent() {
        let records = [0: record(481), 1: record(481), 2: record(481), 3: record(470)]
        let expected =
            "stalled: no progress for 1800 s; no status record from rank 3 on node3 (process 103): stopped, hung, or "
            + "disconnected from OUT/stall; the others are in allReduceSum, collective call 481, of step 12; "
        for records in [records, records.filter { $0.key < 3 }] {
            let found = verdict(members, records, heard: [0, 1, 2])
            #expect(found.hasPrefix(expected), "\(found)")
            #expect(found.hasSuffix("; exclude the host at fault, and continue with --resume"), "\(found)")
        }
    }

    @Test("a running rank that did not reach the call in which the others wait is named")
    func behind() {
        let records = [0: record(481), 1: record(480, isInCall: false), 2: record(481), 3: record(481)]
        let found = verdict(members, records, heard: [0, 1, 2, 3])
        let late = "rank 1 on node1 (process 101): step 12, training, after collective call 480, for 1800 s"
        #expect(found.contains("; did not reach collective call 481: \(late); "), "\(found)")
        #expect(!found.contains("no status record"))
    }

    @Test("if all wait in the same call, the network is named")
    func network() {
        let records = Dictionary(uniqueKeysWithValues: (0..<4).map { ($0, record(481)) })
        let found = verdict(members, records, heard: [0, 1, 2, 3])
        let all =
            "all ranks are in allReduceSum, collective call 481, of step 12: check the network between their hosts"
        #expect(found.contains("; \(all); "), "\(found)")
    }

    /// The state of a rank in an exchange: its round, the rank that it waits for, and the round of that message.
    struct Wait {
        let round: Int
        let awaited: Int
        let awaitedRound: Int
    }

    @Test(
        "if all wait for messages, the rank that exchanges none is named",
        arguments: [
            // Messages to and from rank 2 are not received. Rank 3 waits for a message that rank 1 has not sent.
            [
                Wait(round: 1, awaited: 2, awaitedRound: 1), Wait(round: 1, awaited: 2, awaitedRound: 1),
                Wait(round: 1, awaited: 3, awaitedRound: 1), Wait(round: 2, awaited: 1, awaitedRound: 2),
            ],
            // A message from rank 2 does not arrive. Rank 1 waits for a round that rank 2 has not reached.
            [
                Wait(round: 3, awaited: 2, awaitedRound: 2), Wait(round: 3, awaited: 2, awaitedRound: 3),
                Wait(round: 2, awaited: 1, awaitedRound: 1), Wait(round: 2, awaited: 2, awaitedRound: 1),
            ],
            // In a ring each rank sends to the next, which has not reached that round, except ranks 2 and 3.
            [
                Wait(round: 3, awaited: 1, awaitedRound: 3), Wait(round: 1, awaited: 2, awaitedRound: 1),
                Wait(round: 1, awaited: 3, awaitedRound: 1), Wait(round: 2, awaited: 2, awaitedRound: 2),
            ],
        ]
    )
    func separated(_ waits: [Wait]) {
        let records = waits.enumerated().map { rank, wait in
            (rank, record(481, round: wait.round, awaited: wait.awaited, awaitedRound: wait.awaitedRound))
        }
        let found = verdict(members, Dictionary(uniqueKeysWithValues: records), heard: [0, 1, 2, 3])
        let cause = "no message passes between the others and rank 2 on node2 (process 102) in allReduceSum of step 12"
        #expect(found.contains("; \(cause): check the network there; "), "\(found)")
    }

    @Test("two ranks that wait for each other are both named")
    func pair() {
        let records = [0: 1, 1: 0].mapValues { record(481, round: 1, awaited: $0, awaitedRound: 1) }
        let found = verdict(Array(members[..<2]), records, heard: [0, 1])
        let both = "rank 0 on node0 (process 100), rank 1 on node1 (process 101)"
        #expect(found.contains("; no message passes between \(both) in allReduceSum of step 12: "), "\(found)")
    }

    @Test("a rank's record names the rank that it exchanges messages with")
    func awaited() {
        let text = record(481, round: 2, awaited: 3).text
        #expect(text == "step 12, training, in allReduceSum with rank 3, collective call 481, for 1800 s")
    }

    @Test("the only host is not to be excluded")
    func oneHost() {
        let found = verdict((0..<2).map { JobMember(rank: $0, host: "n", process: 7) }, [0: record(3)], heard: [0])
        #expect(found.hasSuffix(" is in OUT/stall; continue with --resume"), "\(found)")
    }

    @Test("many silent ranks are counted, and those that do not see the directory are listed separately")
    func many() {
        let many = (0..<20).map { JobMember(rank: $0, host: "n", process: 7, seesOutput: $0 != 5) }
        let found = verdict(many, [0: record(3)], heard: [0])
        #expect(found.contains("rank 8 on n (process 7), rank 9 on n (process 7) and 10 more: stopped"), "\(found)")
        #expect(
            found.contains(
                "; rank 5 on n (process 7) cannot write status records, because OUT/stall is not visible there; "
            ),
            "\(found)"
        )
    }
}
