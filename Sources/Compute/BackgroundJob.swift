internal import Glibc

/// Work on a thread of its own, while the caller goes on.
package final class BackgroundJob {
    /// What the thread does, how it failed and how long it took: read by the caller only after the thread has ended.
    private final class Work {
        private var body: (() throws -> Void)?
        private(set) var failure: (any Error)?
        private(set) var seconds = 0.0

        init(_ body: @escaping () throws -> Void) {
            self.body = body
        }

        func perform() {
            let start = ContinuousClock().now
            do { try body?() } catch { failure = error }
            seconds = (ContinuousClock().now - start) / .seconds(1)
            // What it held is free at once, not when somebody asks how it went.
            body = nil
        }
    }

    private let work: Work
    /// Nil when the thread has been waited for, or there is none.
    private var thread: pthread_t?

    /// Starts `body`, which touches nothing that the caller changes meanwhile.
    ///
    /// Where the system gives no thread, the caller does the work, and goes on when it is done.
    package static func start(_ body: @escaping () throws -> Void) -> BackgroundJob {
        let work = Work(body)
        let context = Unmanaged.passRetained(work)
        var thread = pthread_t()
        let status = pthread_create(
            &thread,
            nil,
            { context in
                Unmanaged<Work>.fromOpaque(context!).takeRetainedValue().perform()
                return nil
            },
            context.toOpaque()
        )
        if status == 0 { return BackgroundJob(work, thread: thread) }
        context.release()
        work.perform()
        return BackgroundJob(work, thread: nil)
    }

    private init(_ work: Work, thread: pthread_t?) {
        (self.work, self.thread) = (work, thread)
    }

    deinit {
        // Nobody asks any more how it went.
        join()
    }

    /// Waits for the end of the work, and throws what it threw.
    ///
    /// - Returns: The seconds that it took.
    package func finish() throws -> Double {
        join()
        if let failure = work.failure { throw failure }
        return work.seconds
    }

    private func join() {
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }
}
