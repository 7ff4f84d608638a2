internal import Collectives
internal import Foundation
internal import Glibc
internal import Reporting
internal import Synchronization
internal import SystemPackage

/// The threads of a `Watchdog`.
///
/// One decides, and uses nothing that can hang; the other writes and reads status records, and may hang on a file
/// system whose server is gone.
final class StallWatch: Sendable {
    /// The time for each method to end the job, in seconds: less than 30 in total.
    private static let grace = (firstRank: 1.0, verdict: 2.0, delivery: 0.5, abort: 10.0, exit: 20.0)
    /// Seconds without progress after which a rank writes a status record.
    ///
    /// It is read if the launcher ends the job before `timeout`, as it does when a host is disconnected.
    private static let patience = 5.0

    let rank: Int
    private let members: [JobMember]
    private let directory: StallDirectory
    private let timeout: Double
    private let isOver = Atomic<Bool>(false)
    private let isFiring = Atomic<Bool>(false)
    /// When this rank last made progress, and when another was last seen to, in nanoseconds.
    private let ownMotion = Atomic<UInt64>(0)
    private let othersMotion = Atomic<UInt64>(0)

    init(members: [JobMember], rank: Int, directory: StallDirectory, timeout: Double) {
        (self.members, self.rank, self.directory, self.timeout) = (members, rank, directory, timeout)
    }

    /// The intervals of checks and of status records, in seconds.
    private var tick: Double { min(timeout / 20, 0.2) }
    private var beat: Double { min(timeout / 20, 60) }

    /// Starts the threads, which retain this object until they see that it has ended.
    func start() {
        let start = Self.now
        ownMotion.store(start, ordering: .relaxed)
        othersMotion.store(start, ordering: .relaxed)
        Thread.detachNewThread { [self] in decide() }
        Thread.detachNewThread { [self] in exchangeRecords() }
    }

    /// Ends the watch: nothing is reported or ended afterwards.
    func end() { isOver.store(true, ordering: .relaxed) }

    /// Whether this rank has detected a stall, and ends the job.
    var hasFired: Bool { isFiring.load(ordering: .relaxed) }

    private static var now: UInt64 { monotonicNanoseconds() }

    private static func seconds(since time: UInt64) -> Double { now > time ? Double(now - time) / 1e9 : 0 }

    /// Seconds since this rank last made progress.
    private var idleSeconds: Double { Self.seconds(since: ownMotion.load(ordering: .relaxed)) }

    // MARK: Decision thread

    private func decide() {
        var (motions, lastCheck, hasReported) = (Progress.state.motions, Self.now, false)
        while !isOver.load(ordering: .relaxed) {
            Thread.sleep(forTimeInterval: tick)
            // A process that was stopped itself, such as by Ctrl-Z, did not observe the time in between.
            let wasStopped = Self.seconds(since: lastCheck) > tick + timeout / 2
            lastCheck = Self.now
            let current = Progress.state.motions
            if current != motions || wasStopped { ownMotion.store(lastCheck, ordering: .relaxed) }
            motions = current
            let othersIdleSeconds = Self.seconds(since: othersMotion.load(ordering: .relaxed))
            if min(idleSeconds, othersIdleSeconds) >= timeout, !isOver.load(ordering: .relaxed) { fire() }
            guard StopSignal.isTermination, !hasReported else { continue }
            hasReported = true
            if idleSeconds >= Self.patience, Progress.state.isInCall { reportTermination() }
        }
    }

    /// Reports the last activity of this rank, and ends the job, by the first of three methods that does not hang.
    private func fire() -> Never {
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: Self.grace.exit)
            _exit(ExitStatus.stalled)
        }
        isFiring.store(true, ordering: .relaxed)
        printNotice("\(members[rank].name): \(StallRecord(Progress.state, beat: 0, seconds: idleSeconds).text)")
        Thread.sleep(forTimeInterval: Self.grace.abort)
        World.abort(code: ExitStatus.stalled)
    }

    /// Reports for which rank this one waited when the launcher began to end the job, which kills it a second later.
    ///
    /// On a separate thread, since the directory may hang. Only a rank that the launcher is likely to hear reports: the
    /// first, or the second if the first is disconnected.
    private func reportTermination() {
        let (own, seconds) = (Progress.state, idleSeconds)
        Thread.detachNewThread { [self] in
            var records = directory.read(ranks: members.map(\.rank)).filter { $0.value.seconds >= Self.patience }
            records[rank] = StallRecord(own, beat: 0, seconds: seconds)
            let lost = Set(members.map(\.rank)).subtracting(records.keys)
            let fault = lost.isEmpty ? StallVerdict.separated(records) : lost
            guard rank == 0 || rank == 1 && fault == [0] else { return }
            let verdict = StallVerdict.text(
                members: members,
                records: records,
                heard: Set(records.keys),
                timeout: timeout,
                place: directory.path.string,
                event: "the launcher ended the job, which had made no progress for \(Int(seconds.rounded())) s",
                connected: rank
            )
            printNotice("error: \(verdict)")
        }
    }

    // MARK: Record thread

    private func exchangeRecords() {
        var others = OtherRanks(members.map(\.rank).filter { $0 != rank }, in: directory)
        var (beats, lastBeat, wasIdle) = (0, UInt64(0), false)
        while !isOver.load(ordering: .relaxed) {
            let fires = isFiring.load(ordering: .relaxed)
            // Also when a wait begins or ends, so that the last record shows whether the rank waits.
            let isIdle = idleSeconds >= min(timeout / 2, Self.patience)
            if fires || isIdle != wasIdle || Self.seconds(since: lastBeat) >= beat {
                lastBeat = Self.now
                beats += 1
                wasIdle = isIdle
                let isWaiting = idleSeconds >= timeout / 2
                if isIdle { directory.make() }
                if directory.exists {
                    directory.write(StallRecord(Progress.state, beat: beats, seconds: idleSeconds), rank: rank)
                }
                if !isWaiting {
                    others.reset()
                } else if others.update() {
                    othersMotion.store(Self.now, ordering: .relaxed)
                }
                if fires { reportVerdict(&others) }
            }
            Thread.sleep(forTimeInterval: tick)
        }
    }

    /// Reports the ranks at fault, and ends the job, on the first rank that gets here.
    private func reportVerdict(_ others: inout OtherRanks) {
        // The launcher usually runs on the first rank's host: it hears that rank's report and obeys its abort.
        if rank != 0 { Thread.sleep(forTimeInterval: Self.grace.firstRank) }
        guard directory.claimVerdict() else { return }
        Thread.sleep(forTimeInterval: Self.grace.verdict)
        _ = others.update()
        var records = others.records
        records[rank] = directory.read(rank: rank) ?? StallRecord(Progress.state, beat: 0, seconds: idleSeconds)
        let verdict = StallVerdict.text(
            members: members,
            records: records,
            heard: others.heard.union([rank]),
            timeout: timeout,
            place: directory.path.string
        )
        printNotice("error: \(verdict)")
        directory.write(verdict: verdict)
        // The launcher forwards output later than an abort.
        Thread.sleep(forTimeInterval: Self.grace.delivery)
        World.abort(code: ExitStatus.stalled)
    }

    /// What this rank has seen of the other ranks while it waits.
    private struct OtherRanks {
        private let ranks: [Int]
        private let directory: StallDirectory
        private(set) var records: [Int: StallRecord] = [:]
        /// Ranks that renewed their record.
        private(set) var heard: Set<Int> = []

        init(_ ranks: [Int], in directory: StallDirectory) {
            (self.ranks, self.directory) = (ranks, directory)
        }

        /// Forgets earlier records, which do not show whether anything moves now.
        mutating func reset() { (records, heard) = ([:], []) }

        /// Reads every record; returns whether any rank has made progress since its last.
        mutating func update() -> Bool {
            var hasMoved = false
            for rank in ranks {
                guard let record = directory.read(rank: rank) else { continue }
                if let previous = records[rank] {
                    if previous.beat != record.beat { heard.insert(rank) }
                    if previous.state.motions != record.state.motions { hasMoved = true }
                }
                records[rank] = record
            }
            return hasMoved
        }
    }
}

/// Reads the monotonic clock, which setting the time does not change, in nanoseconds.
private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
