internal import Glibc

/// Work on a thread of its own, while the caller goes on.
final class BackgroundJob {
    /// What the thread does, and how it failed: read by the caller only after the thread has ended.
    private final class Work {
        private let body: () throws -> Void
        private(set) var failure: (any Error)?

        init(_ body: @escaping () throws -> Void) {
            self.body = body
        }

        func perform() {
            do { try body() } catch { failure = error }
        }
    }

    private let work: Work
    /// Nil when the thread has been waited for.
    private var thread: pthread_t?

    /// Starts `body`, which touches nothing that the caller changes meanwhile.
    init(_ body: @escaping () throws -> Void) {
        let work = Work(body)
        var thread = pthread_t()
        let status = pthread_create(
            &thread,
            nil,
            { context in
                Unmanaged<Work>.fromOpaque(context!).takeRetainedValue().perform()
                return nil
            },
            Unmanaged.passRetained(work).toOpaque()
        )
        precondition(status == 0, "cannot start a thread: \(String(cString: strerror(status)))")
        self.work = work
        self.thread = thread
    }

    deinit {
        // Nobody asks any more how it went.
        join()
    }

    /// Waits for the end of the work, and throws what it threw.
    func finish() throws {
        join()
        if let failure = work.failure { throw failure }
    }

    private func join() {
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }
}
