"""Where long work runs: in this process, in processes of a local Dask cluster, or on any other."""

import contextlib
import logging
import os
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

from ..golden.spec.errors import InvalidValue, QblifError

__all__ = ["Workers", "start_workers"]

PATIENCE = 30  # Seconds in which a scheduler must answer.


class _Here(Executor):
    """Calls at once, in the thread that submits."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Workers:
    """Runs functions that can be pickled.

    ``pool`` is an Executor of :mod:`concurrent.futures`; ``client`` is Dask's, ``None`` where all
    runs in this process.
    """

    def __init__(self, pool: Executor, client: Any = None) -> None:
        self.pool, self.client = pool, client

    @property
    def slots(self) -> int:
        """How many calls can run at once now, at least 1."""
        if self.client is None:
            return 1
        return max(1, sum(self.client.nthreads().values()))

    def submit(self, function, *arguments):
        """The Future of a call."""
        return self.pool.submit(function, *arguments)

    def share(self, value):
        """What stands for ``value``, large and used by many calls, among their arguments."""
        return value if self.client is None else self.client.scatter([value], hash=False)[0]


@contextlib.contextmanager
def start_workers(address=None, count: int | None = 0):
    """The :class:`Workers` of the Dask scheduler at ``address``; without one, ``count`` processes
    of this machine, for ``None`` as many as there are cores, or this process for 0.

    Raises :class:`InvalidValue` where no scheduler answers at ``address``, :class:`QblifError`
    where Dask is not installed, and where the cluster loses work.
    """
    if count is None:
        count = os.cpu_count() or 1
    if address is None and not count:
        yield Workers(_Here())
        return
    try:
        from distributed import Client, KilledWorker, LocalCluster
    except ModuleNotFoundError as error:
        raise QblifError("Workers need Dask: pip install 'qblif[sweep]'") from error
    with contextlib.ExitStack() as stack:
        if address is None:
            address = stack.enter_context(LocalCluster(
                n_workers=count, threads_per_worker=1, dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL))
        try:
            client = stack.enter_context(Client(address, timeout=PATIENCE))
        except (OSError, ValueError) as error:
            raise InvalidValue(f"No Dask scheduler answers at {address!r}") from error
        try:
            yield Workers(client.get_executor(), client)
        except (KilledWorker, CancelledError) as error:
            raise QblifError("The Dask cluster lost a worker with its work: run the command "
                             f"again ({error})") from error
