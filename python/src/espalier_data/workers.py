"""Maps a function over chunks of work in worker processes; results come in order."""

import gc
import multiprocessing
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import connection
from queue import SimpleQueue
from typing import Any

from .errors import UserError

#: A worker has at most this many chunks, so that it need not wait for the next one.
_CHUNKS_PER_WORKER = 2
#: The number of chunks per worker that are read before the oldest of them is done; it limits memory.
_WINDOW_PER_WORKER = 4


def chunked(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yields lists of `size` items; those before an error of `items` are yielded before the error is raised."""
    chunk: list[Any] = []
    try:
        for item in items:
            chunk.append(item)
            if len(chunk) == size:
                yield chunk
                chunk = []
    except Exception:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def ordered_map(
    function: Callable[[Any], Any], chunks: Iterable[tuple[Any, Any]], processes: int
) -> Iterator[tuple[Any, Any]]:
    """Yields (label, function(work)) for each (label, work), in order, for any number of processes.

    With one process the function runs in this one. An error of `chunks` is raised after the results of all chunks
    before it. Closing the iterator ends the workers at once.
    """
    if processes == 1:
        for label, work in chunks:
            yield label, function(work)
        return
    pool = _Pool(function, processes)
    try:
        yield from pool.results(iter(chunks))
    finally:
        pool.stop()


class _Pool:
    """Worker processes, and the chunks that they have."""

    def __init__(self, function: Callable[[Any], Any], processes: int) -> None:
        # A forked worker shares the loaded tokenizer; no thread of this process runs at this time. Memory that is not
        # searched for garbage stays shared.
        gc.freeze()
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._workers: list[_Worker] = []
        # Workers inherit that they ignore Ctrl-C, which reaches all processes of a terminal: this process ends them.
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for _ in range(processes):
                self._workers.append(_Worker(context, function, [worker.connection for worker in self._workers]))
        finally:
            signal.signal(signal.SIGINT, interrupt)

    def results(self, chunks: Iterator[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        labels: dict[int, Any] = {}
        done: dict[int, Any] = {}
        sent = oldest = 0
        failure: Exception | None = None
        reading = True
        while True:
            while reading and sent - oldest < _WINDOW_PER_WORKER * len(self._workers) and (worker := self._idlest()):
                try:
                    label, work = next(chunks)
                except StopIteration:
                    reading = False
                except Exception as error:
                    reading, failure = False, error
                else:
                    labels[sent] = label
                    worker.send(sent, work)
                    sent += 1
            if oldest == sent:
                break
            done.update(self._received())
            while oldest in done:
                yield labels.pop(oldest), done.pop(oldest)
                oldest += 1
        if failure is not None:
            raise failure

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()

    def _idlest(self) -> "_Worker | None":
        worker = min(self._workers, key=lambda worker: worker.chunks)
        return worker if worker.chunks < _CHUNKS_PER_WORKER else None

    def _received(self) -> dict[int, Any]:
        """Waits for at least one result."""
        by_connection = {worker.connection: worker for worker in self._workers}
        return dict(by_connection[ready].receive() for ready in connection.wait(list(by_connection)))


class _Worker:
    """A process that applies the function to one chunk after the other."""

    def __init__(self, context: Any, function: Callable[[Any], Any], others: list[Any]) -> None:
        self.chunks = 0
        self.connection, theirs = context.Pipe()
        inherited = [self.connection, *others] if context.get_start_method() == "fork" else []
        self._process = context.Process(target=_serve, args=(function, theirs, inherited), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, number: int, work: Any) -> None:
        self.chunks += 1
        try:
            self.connection.send((number, work))
        except OSError:
            raise self._death() from None

    def receive(self) -> tuple[int, Any]:
        try:
            number, result, error = self.connection.recv()
        except (EOFError, OSError):
            raise self._death() from None
        self.chunks -= 1
        if error is not None:
            raise error
        return number, result

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _death(self) -> UserError:
        self._process.join(timeout=5)
        code = self._process.exitcode
        if code is None or code >= 0:
            return UserError(f"a worker process ended with exit code {code}; pass --num-proc 1 to see its error")
        number = -code
        name = signal.Signals(number).name if number in iter(signal.Signals) else "unknown"
        return UserError(
            f"a worker process was ended by signal {number} ({name}), perhaps since memory ran out; "
            "nothing was written; pass a smaller --num-proc"
        )


def _serve(function: Callable[[Any], Any], own: Any, inherited: list[Any]) -> None:
    """Runs in a worker, until the other end of the connection closes."""
    # Otherwise this process would hold the other ends open, and no worker would notice that the parent is gone.
    for other in inherited:
        other.close()
    works: SimpleQueue[Any] = SimpleQueue()
    # Chunks are taken as they arrive, so that the parent never waits to send one while this process sends a result.
    threading.Thread(target=_receive, args=(own, works), daemon=True).start()
    while (received := works.get()) is not None:
        number, work = received
        try:
            reply = number, function(work), None
        except UserError as error:
            reply = number, None, error
        except Exception:
            reply = number, None, RuntimeError(f"an error in a worker process:\n{traceback.format_exc()}")
        try:
            own.send(reply)
        except OSError:
            return


def _receive(own: Any, works: "SimpleQueue[Any]") -> None:
    try:
        while True:
            works.put(own.recv())
    except (EOFError, OSError):
        works.put(None)
