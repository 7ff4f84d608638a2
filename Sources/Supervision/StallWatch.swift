internal import Collectives
internal import Foundation
internal import Glibc
internal import Reporting
internal import Synchronization
internal import SystemPackage

/// The threads of a `Watchdog`.
///
/// One decides, and touches nothing that could hang; the other leaves and reads word, which may hang on a file system whose
/// server is gone.
final class StallWatch: Sendable {
    /// What the job is given to end by itself, and then the process, in seconds: less than 30 in all.
    private static let grace = (firstRank: 1.0, verdict: 2.0, delivery: 0.5, abort: 10.0, exit: 20.0)
    /// After so many seconds without motion a rank leaves word, to be read where the launcher ends the job before `timeout`,
    /// as it does where a host is cut off.
    private static let patience = 5.0

    let rank: Int
    private let members: [JobMember]
    private let directory: StallDirectory
    private let timeout: Double
    private let isOver = Atomic<Bool>(false)
    private let isFiring = Atomic<Bool>(false)
    /// When this rank has last moved, and when another was last seen to, in nanoseconds.
    private let ownMotion = Atomic<UInt64>(0)
    private let othersMotion = Atomic<UInt64>(0)

    init(members: [JobMember], rank: Int, directory: StallDirectory, timeout: Double) {
        (self.members, self.rank, self.directory, self.timeout) = (members, rank, directory, timeout)
    }

    /// How often the deciding thread looks, and how often word is left, in seconds.
    private var tick: Double { min(timeout / 20, 0.2) }
    private var beat: Double { min(timeout / 20, 60) }

    /// Starts the threads, which hold this object until they see that it is over.
    func start() {
        let start = Self.now
        ownMotion.store(start, ordering: .relaxed)
        othersMotion.store(start, ordering: .relaxed)
        Thread.detachNewThread { [self] in decide() }
        Thread.detachNewThread { [self] in correspond() }
    }

    /// From now on nothing is told or ended any more.
    func end() { isOver.store(true, ordering: .relaxed) }

    /// Whether this rank has found that nothing moves, and ends the job.
    var hasFired: Bool { isFiring.load(ordering: .relaxed) }

    private static var now: UInt64 { monotonicNanoseconds() }

    private static func seconds(since time: UInt64) -> Double { now > time ? Double(now - time) / 1e9 : 0 }

    /// For how long this rank has not moved.
    private var still: Double { Self.seconds(since: ownMotion.load(ordering: .relaxed)) }

    // MARK: The thread that decides

    private func decide() {
        var (motions, lastLook, hasExplained) = (Progress.state.motions, Self.now, false)
        while !isOver.load(ordering: .relaxed) {
            Thread.sleep(forTimeInterval: tick)
            // A process that was itself stopped, as by Ctrl-Z, knows nothing of the time between.
            let wasStopped = Self.seconds(since: lastLook) > tick + timeout / 2
            lastLook = Self.now
            let current = Progress.state.motions
            if current != motions || wasStopped { ownMotion.store(lastLook, ordering: .relaxed) }
            motions = current
            let othersStill = Self.seconds(since: othersMotion.load(ordering: .relaxed))
            if min(still, othersStill) >= timeout, !isOver.load(ordering: .relaxed) { fire() }
            guard StopSignal.isTermination, !hasExplained else { continue }
            hasExplained = true
            if still >= Self.patience, Progress.state.isInCall { explainEnd() }
        }
    }

    /// Says what this rank last did, and ends the job, by the first of three ways that does not hang.
    private func fire() -> Never {
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: Self.grace.exit)
            _exit(ExitStatus.stalled)
        }
        isFiring.store(true, ordering: .relaxed)
        printNotice("\(members[rank].name): \(StallRecord(Progress.state, beat: 0, seconds: still).text)")
        Thread.sleep(forTimeInterval: Self.grace.abort)
        World.abort(code: ExitStatus.stalled)
    }

    /// Says for whom this rank was waiting when the launcher began to end the job, which kills in a second.
    ///
    /// A thread of its own, since the directory may hang. That rank speaks which the launcher is likely to hear: the first,
    /// and where that is cut off, the next.
    private func explainEnd() {
        let (own, seconds) = (Progress.state, still)
        Thread.detachNewThread { [self] in
            var words = directory.read(ranks: members.map(\.rank)).filter { $0.value.seconds >= Self.patience }
            words[rank] = StallRecord(own, beat: 0, seconds: seconds)
            let lost = Set(members.map(\.rank)).subtracting(words.keys)
            let fault = lost.isEmpty ? StallVerdict.separated(words) : lost
            guard rank == 0 || rank == 1 && fault == [0] else { return }
            let verdict = StallVerdict.text(
                members: members,
                words: words,
                heard: Set(words.keys),
                timeout: timeout,
                place: directory.path.string,
                event: "the launcher ended the job, in which nothing had moved for \(Int(seconds.rounded())) s",
                connected: rank
            )
            printNotice("error: \(verdict)")
        }
    }

    // MARK: The thread that leaves and reads word

    private func correspond() {
        var others = OtherRanks(members.map(\.rank).filter { $0 != rank }, in: directory)
        var (beats, lastBeat, wasStill) = (0, UInt64(0), false)
        while !isOver.load(ordering: .relaxed) {
            let fires = isFiring.load(ordering: .relaxed)
            // At once also when a wait begins or is over, so that the last word tells whether the rank waits.
            let isStill = still >= min(timeout / 2, Self.patience)
            if fires || isStill != wasStill || Self.seconds(since: lastBeat) >= beat {
                lastBeat = Self.now
                beats += 1
                wasStill = isStill
                let isWaiting = still >= timeout / 2
                if isStill { directory.make() }
                if directory.exists {
                    directory.write(StallRecord(Progress.state, beat: beats, seconds: still), rank: rank)
                }
                if !isWaiting {
                    others.forget()
                } else if others.look() {
                    othersMotion.store(Self.now, ordering: .relaxed)
                }
                if fires { pronounce(&others) }
            }
            Thread.sleep(forTimeInterval: tick)
        }
    }

    /// Names the ranks at fault, and ends the job, on the first rank that comes to it.
    private func pronounce(_ others: inout OtherRanks) {
        // The launcher is on the first rank's host most often: what that one says is heard, and what it ends ends.
        if rank != 0 { Thread.sleep(forTimeInterval: Self.grace.firstRank) }
        guard directory.claimVerdict() else { return }
        Thread.sleep(forTimeInterval: Self.grace.verdict)
        _ = others.look()
        var words = others.words
        words[rank] = directory.read(rank: rank) ?? StallRecord(Progress.state, beat: 0, seconds: still)
        let verdict = StallVerdict.text(
            members: members,
            words: words,
            heard: others.heard.union([rank]),
            timeout: timeout,
            place: directory.path.string
        )
        printNotice("error: \(verdict)")
        directory.write(verdict: verdict)
        // The launcher hands a line on later than an end.
        Thread.sleep(forTimeInterval: Self.grace.delivery)
        World.abort(code: ExitStatus.stalled)
    }

    /// What the other ranks have been heard to say while this one waits.
    private struct OtherRanks {
        private let ranks: [Int]
        private let directory: StallDirectory
        private(set) var words: [Int: StallRecord] = [:]
        /// Those that have renewed their word.
        private(set) var heard: Set<Int> = []

        init(_ ranks: [Int], in directory: StallDirectory) {
            (self.ranks, self.directory) = (ranks, directory)
        }

        /// Begins anew: what was said before does not tell whether anything moves now.
        mutating func forget() { (words, heard) = ([:], []) }

        /// Reads every word; whether any rank has moved since its last.
        mutating func look() -> Bool {
            var hasMoved = false
            for rank in ranks {
                guard let word = directory.read(rank: rank) else { continue }
                if let before = words[rank] {
                    if before.beat != word.beat { heard.insert(rank) }
                    if before.state.motions != word.state.motions { hasMoved = true }
                }
                words[rank] = word
            }
            return hasMoved
        }
    }
}

/// The monotonic clock, which no setting of the time changes, in nanoseconds.
private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
