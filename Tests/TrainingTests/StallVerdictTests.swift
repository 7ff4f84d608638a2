internal import Collectives
internal import Testing
internal import Training

struct StallVerdictTests {
    private let members = (0..<4).map { JobMember(rank: $0, host: "node\($0)", process: Int32(100 + $0)) }

    private func record(_ calls: Int, isInCall: Bool = true, step: Int = 12) -> StallRecord {
        let state = Progress.State(
            motions: 1,
            step: step,
            phase: "training",
            call: "allReduceSum",
            calls: calls,
            isInCall: isInCall
        )
        return StallRecord(state, beat: 1, seconds: 1800)
    }

    private func verdict(_ members: [JobMember], _ words: [Int: StallRecord], heard: Set<Int>) -> String {
        StallVerdict.text(members: members, words: words, heard: heard, timeout: 1800, place: "OUT/stall")
    }

    @Test("a rank's word says where it is")
    func words() {
        #expect(record(481).text == "step 12, training, in allReduceSum, collective call 481, for 1800 s")
        let before = "training, after collective call 480, for 1800 s"
        #expect(record(480, isInCall: false, step: 0).text == before)
    }

    @Test("a rank that leaves no word is named, also where an old word of it is there")
    func silent() {
        let words = [0: record(481), 1: record(481), 2: record(481), 3: record(470)]
        let told =
            "stalled: nothing has moved for 1800 s; no word from rank 3 on node3 (process 103): stopped, hung up, or "
            + "cut off from OUT/stall; the others are in allReduceSum, collective call 481, of step 12; "
        for words in [words, words.filter { $0.key < 3 }] {
            let found = verdict(members, words, heard: [0, 1, 2])
            #expect(found.hasPrefix(told), "\(found)")
        }
    }

    @Test("a rank that speaks, and has not come to the call in which the others wait, is named")
    func behind() {
        let words = [0: record(481), 1: record(480, isInCall: false), 2: record(481), 3: record(481)]
        let found = verdict(members, words, heard: [0, 1, 2, 3])
        let late = "rank 1 on node1 (process 101): step 12, training, after collective call 480, for 1800 s"
        #expect(found.contains("; not come to collective call 481: \(late); "), "\(found)")
        #expect(!found.contains("no word"))
    }

    @Test("where all wait in the same call, the network is to blame")
    func network() {
        let words = Dictionary(uniqueKeysWithValues: (0..<4).map { ($0, record(481)) })
        let found = verdict(members, words, heard: [0, 1, 2, 3])
        let all =
            "all ranks are in allReduceSum, collective call 481, of step 12: look at the network between their hosts"
        #expect(found.contains("; \(all); "), "\(found)")
    }

    @Test("many silent ranks are counted, and those that do not see the directory told apart")
    func many() {
        let many = (0..<20).map { JobMember(rank: $0, host: "n", process: 7, seesOutput: $0 != 5) }
        let found = verdict(many, [0: record(3)], heard: [0])
        #expect(found.contains("rank 8 on n (process 7), rank 9 on n (process 7) and 10 more: stopped"), "\(found)")
        #expect(found.contains("; rank 5 on n (process 7) cannot leave word, not seeing OUT/stall; "), "\(found)")
    }
}
