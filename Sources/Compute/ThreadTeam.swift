internal import Glibc
internal import Synchronization

/// A fixed team of threads that run the same closure together; the caller is thread 0.
///
/// Waiting threads spin for some microseconds, since the phases of a step follow each other closely, then sleep. Work
/// is divided statically, so runs with the same number of threads give identical bits.
package final class ThreadTeam: @unchecked Sendable {
    // Sendable: `body` is written only while every thread waits, and `generation` publishes it (release, acquire).

    /// The number of threads, the caller included.
    package let count: Int
    /// The profile that records each phase, or nil; set only while the team is idle.
    package var profile: Profile?
    /// Called by any thread after each part of a phase, so that long work shows progress; nil for no calls.
    ///
    /// Set only while the team is idle.
    package var onProgress: (@Sendable () -> Void)?

    private var body: ((Int) -> Void)?
    private let generation = Atomic<Int>(0)
    private let unfinished = Atomic<Int>(0)
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    /// Signaled when there is work.
    private let wake: UnsafeMutablePointer<pthread_cond_t>
    /// Signaled when the last thread has finished.
    private let finished: UnsafeMutablePointer<pthread_cond_t>
    private var threads: [pthread_t] = []

    /// A team of `count` threads, of which `count - 1` are started.
    ///
    /// For numbers that every system can start; a user's number is for `tryStart`.
    package static func start(count: Int) -> ThreadTeam {
        do {
            return try tryStart(count: count)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// A team of `count` threads, of which `count - 1` are started.
    ///
    /// - Throws: `ThreadError` if the system refuses one.
    package static func tryStart(count: Int) throws -> ThreadTeam {
        let team = ThreadTeam(count)
        for thread in 1..<max(count, 1) { team.threads.append(try team.start(thread: thread)) }
        return team
    }

    private init(_ count: Int) {
        precondition(count >= 1, "a team has at least one thread")
        self.count = count
        lock = .allocate(capacity: 1)
        wake = .allocate(capacity: 1)
        finished = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(wake, nil)
        pthread_cond_init(finished, nil)
    }

    deinit {
        publish(nil)
        for thread in threads { pthread_join(thread, nil) }
        pthread_mutex_destroy(lock)
        pthread_cond_destroy(wake)
        pthread_cond_destroy(finished)
        lock.deallocate()
        wake.deallocate()
        finished.deallocate()
    }

    /// Runs `body(thread)` on every thread and returns when all have finished.
    ///
    /// - Parameter phase: The name of the phase in a profile.
    package func run(_ phase: String, _ body: (_ thread: Int) -> Void) {
        guard let profile else { return run(body) }
        profile.time(phase, threads: count) { phase in
            run { thread in profile.record(phase: phase, thread: thread) { body(thread) } }
        }
    }

    /// Runs `body` on the calling thread only, as a phase of its own.
    package func alone<R>(_ phase: String, _ body: () throws -> R) rethrows -> R {
        guard let profile else { return try body() }
        return try profile.time(phase, threads: 1) { try profile.record(phase: $0, thread: 0, body) }
    }

    private func run(_ body: (Int) -> Void) {
        defer { onProgress?() }
        guard count > 1 else { return body(0) }
        withoutActuallyEscaping(body) { body in
            unfinished.store(count - 1, ordering: .relaxed)
            publish(body)
            body(0)
            waitForOthers()
            self.body = nil
        }
    }

    /// Runs `body(thread)` on every thread and returns the results in thread order.
    package func map<Result>(_ phase: String, _ body: (_ thread: Int) -> Result) -> [Result] {
        var results = [Result?](repeating: nil, count: count)
        results.withUnsafeMutableBufferPointer { results in
            nonisolated(unsafe) let results = results
            run(phase) { thread in results[thread] = body(thread) }
        }
        return results.map { $0! }
    }

    /// Runs `body` over blocks of at most `blockSize` of `0..<total`; each thread has one contiguous share.
    package func forEachBlock(
        _ phase: String,
        of total: Int,
        blockSize: Int,
        _ body: (_ block: Range<Int>, _ thread: Int) -> Void
    ) {
        run(phase) { thread in
            let share = self.share(of: total, thread: thread)
            // Blocks of even size: a short last block would waste most of a matrix product's fixed cost.
            let blocks = (share.count + blockSize - 1) / blockSize
            for block in 0..<blocks {
                let lower = share.lowerBound + share.count * block / blocks
                let upper = share.lowerBound + share.count * (block + 1) / blocks
                body(lower..<upper, thread)
                onProgress?()
            }
        }
    }

    /// The contiguous share of `0..<total` that belongs to `thread`.
    package func share(of total: Int, thread: Int) -> Range<Int> {
        (total * thread / count)..<(total * (thread + 1) / count)
    }

    private static let spinLimit = 20_000

    private func publish(_ body: ((Int) -> Void)?) {
        self.body = body
        pthread_mutex_lock(lock)
        generation.add(1, ordering: .releasing)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(lock)
    }

    private func start(thread: Int) throws -> pthread_t {
        // The thread must not retain the team: `deinit` ends and joins it.
        let context = StartContext(team: Unmanaged.passUnretained(self), thread: thread)
        let retained = Unmanaged.passRetained(context)
        var handle = pthread_t()
        let status = pthread_create(
            &handle,
            nil,
            { argument in
                let context = Unmanaged<StartContext>.fromOpaque(argument!).takeRetainedValue()
                context.team._withUnsafeGuaranteedRef { $0.serve(as: context.thread) }
                return nil
            },
            retained.toOpaque()
        )
        guard status == 0 else {
            retained.release()
            throw ThreadError(wanted: count, started: thread, reason: String(cString: strerror(status)))
        }
        return handle
    }

    private func serve(as thread: Int) {
        var seen = 0
        while true {
            seen = waitForGeneration(after: seen)
            guard perform(as: thread) else { return }
            guard unfinished.subtract(1, ordering: .releasing).newValue == 0 else { continue }
            // Under the lock, so that a caller that has just seen unfinished work is already waiting.
            pthread_mutex_lock(lock)
            pthread_cond_signal(finished)
            pthread_mutex_unlock(lock)
        }
    }

    /// Runs the body and returns true; returns false if there is none, which ends the thread.
    ///
    /// Not inlined: the reference to the body must be released before the thread reports that it has finished, since
    /// the body lives no longer than `run`.
    @inline(never)
    private func perform(as thread: Int) -> Bool {
        guard let body else { return false }
        body(thread)
        return true
    }

    private func waitForGeneration(after seen: Int) -> Int {
        for _ in 0..<Self.spinLimit {
            let current = generation.load(ordering: .acquiring)
            if current != seen { return current }
        }
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while generation.load(ordering: .acquiring) == seen { pthread_cond_wait(wake, lock) }
        return generation.load(ordering: .acquiring)
    }

    private func waitForOthers() {
        for _ in 0..<Self.spinLimit where unfinished.load(ordering: .acquiring) == 0 { return }
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while unfinished.load(ordering: .acquiring) > 0 { pthread_cond_wait(finished, lock) }
    }

    private final class StartContext {
        let team: Unmanaged<ThreadTeam>
        let thread: Int

        init(team: Unmanaged<ThreadTeam>, thread: Int) {
            self.team = team
            self.thread = thread
        }
    }
}

/// The system refuses to start as many threads as a setting asks for.
package struct ThreadError: Error, CustomStringConvertible, Equatable {
    let wanted: Int
    /// Threads that run, the caller included.
    let started: Int
    let reason: String

    package var description: String {
        "--threads: expected \(wanted) threads per rank, but the system starts only \(started) (\(reason)); use fewer threads, "
            + "or raise the limit of processes (ulimit -u, or the container's pids limit)"
    }
}
