internal import Glibc

/// Work on a separate thread, while the caller continues.
package final class BackgroundJob {
    /// The work with its error and duration, which the caller reads only after the thread has ended.
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
            // Releases what the work retains now, not when the caller asks for the result.
            body = nil
        }
    }

    private let work: Work
    /// Nil once the thread has been joined, or if there is none.
    private var thread: pthread_t?

    /// Starts `body`, which uses nothing that the caller changes meanwhile.
    ///
    /// If the system provides no thread, the caller does the work before this returns.
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
        // The result is no longer needed.
        join()
    }

    /// Waits for the end of the work, and throws its error.
    ///
    /// - Returns: The duration of the work in seconds.
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
