internal import Glibc

/// A thread that performs pieces of work in the order of their submission.
package final class WorkQueue {
    /// The state that the caller and the thread share, all of it under the lock.
    private final class Shared {
        let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        /// Signals that there is work, or that the queue is closed.
        let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        /// Signals that all work is done.
        let idle = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        var pieces: [() throws -> Void] = []
        var isBusy = false
        var isClosed = false
        var failure: (any Error)?

        init() {
            pthread_mutex_init(lock, nil)
            pthread_cond_init(wake, nil)
            pthread_cond_init(idle, nil)
        }

        deinit {
            pthread_mutex_destroy(lock)
            pthread_cond_destroy(wake)
            pthread_cond_destroy(idle)
            lock.deallocate()
            wake.deallocate()
            idle.deallocate()
        }

        func locked<R>(_ body: () throws -> R) rethrows -> R {
            pthread_mutex_lock(lock)
            defer { pthread_mutex_unlock(lock) }
            return try body()
        }

        /// Waits for the next piece; nil when the queue is closed.
        private func next() -> (() throws -> Void)? {
            locked {
                isBusy = false
                if pieces.isEmpty { pthread_cond_broadcast(idle) }
                while pieces.isEmpty, !isClosed { pthread_cond_wait(wake, lock) }
                guard !pieces.isEmpty else { return nil }
                isBusy = true
                return pieces.removeFirst()
            }
        }

        func serve() {
            while let piece = next() {
                // After a failure the remaining pieces are dropped, so that `drain` returns.
                guard locked({ failure == nil }) else { continue }
                do { try piece() } catch { locked { failure = error } }
            }
        }
    }

    private let shared: Shared
    private let thread: pthread_t

    /// Starts the thread, which sleeps until there is work.
    package static func start() -> WorkQueue {
        let shared = Shared()
        var thread = pthread_t()
        let status = pthread_create(
            &thread,
            nil,
            { context in
                Unmanaged<Shared>.fromOpaque(context!).takeRetainedValue().serve()
                return nil
            },
            Unmanaged.passRetained(shared).toOpaque()
        )
        precondition(status == 0, "cannot start a thread: \(String(cString: strerror(status)))")
        return WorkQueue(shared, thread: thread)
    }

    private init(_ shared: Shared, thread: pthread_t) {
        (self.shared, self.thread) = (shared, thread)
    }

    deinit {
        shared.locked {
            shared.isClosed = true
            pthread_cond_signal(shared.wake)
        }
        pthread_join(thread, nil)
    }

    /// Submits a piece of work, which uses nothing that the caller changes before `drain`.
    package func submit(_ piece: @escaping () throws -> Void) {
        shared.locked {
            shared.pieces.append(piece)
            pthread_cond_signal(shared.wake)
        }
    }

    /// Waits until all work is done, and throws the first error.
    package func drain() throws {
        try shared.locked {
            while shared.isBusy || !shared.pieces.isEmpty { pthread_cond_wait(shared.idle, shared.lock) }
            if let failure = shared.failure { throw failure }
        }
    }
}
