"""A live stream to a board: time-stamped events in their own time, and what the network makes of
them.  The gateware's side is :mod:`qblif.hw.link.streamer`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...hw.link.protocol import (
    MAX_PAYLOAD,
    RESULTS_SPACE,
    RUN_FIRST,
    STREAM_KEEP,
    Command,
    Status,
    pack_request,
)
from ...hw.link.timed import RESULT_LABEL_BITS, RESULTS, pack_timed
from .host import LOST, Host
from .line import HostError

if TYPE_CHECKING:
    from ...golden.spec.trained import Trained

__all__ = ["LiveRun", "run_live"]

TOGETHER = 2_000  # Microseconds of events that a request may gather.
ROOM = (MAX_PAYLOAD - len(pack_request(0, Command.STREAM, flags=0, window=0))) // 4 * 4
LAST_CLASS = 10.0  # Seconds to wait for it.


@dataclass(frozen=True)
class LiveRun:
    """A stream that was run, in frames of the network's timesteps.

    ``classes`` and ``latencies``, in clock cycles from the end of a frame's last timestep to its
    class, are ``(frames,)``; ``seconds`` are all, ``lag`` the most by which the board's answer came
    after the events were due.  ``clipped`` events were beyond N_max of their pixel and timestep;
    ``waited`` counts the clock cycles in which events waited for a timestep's end to be sent on.
    """

    classes: np.ndarray
    latencies: np.ndarray
    clipped: int
    waited: int
    lag: float
    seconds: float


def run_live(host: Host, trained: Trained, times: np.ndarray, neurons: np.ndarray, window: int, *,
             speed: float = 1.0, keep: bool = False,
             progress: Callable[[int], None] | None = None) -> LiveRun:
    """Stream events, ``times`` in microseconds in ascending order and ``neurons`` of the input,
    both ``(events,)``, in timesteps of ``window`` microseconds from the first event on.

    ``speed`` 2 sends them twice as fast as their times say, 0 as fast as the board takes them.
    With ``keep`` a frame starts with the membranes that the one before left, and not from rest. The
    last frame is completed by silence.  ``progress`` is called with the number of events sent.

    Raises :class:`HostError` where the board takes no live stream or does not hold the weights of
    ``trained``, and for events that are none of this network.
    """
    times, neurons = _checked(trained.spec, times, neurons, window)
    _, layout = host.check_loaded(trained)
    source = layout.input
    if source.source.static or source.ends != trained.spec.timesteps:
        raise HostError("The board's network does not take one timestep after another: a live "
                        "stream needs a network of recordings, and of maps a bitstream with --time "
                        "outer")
    if keep and not layout.keeps:
        raise HostError("The board's network cannot keep its membranes from frame to frame: that "
                        "takes frames of at least 2 timesteps, and no recurrent synapses")
    stream = _Stream(host, window, len(times), speed, keep, progress)
    frame = window * trained.spec.timesteps
    frames = int(times[-1] - times[0]) // frame + 1
    deltas = np.diff(times, prepend=times[0])
    for due, delta, address in zip((times - times[0]).tolist(), deltas.tolist(),
                                   source.addresses(neurons).tolist(), strict=True):
        stream.put(due, pack_timed([(delta, address)]))
    stream.put(frames * frame, pack_timed([(frames * frame - int(times[-1] - times[0]), None)]))
    return stream.finish(frames)


class _Stream:
    """Requests that gather events until they are due."""

    def __init__(self, host, window, events, speed, keep, progress):
        self.host, self.window, self.speed = host, window, speed
        self.events, self.progress = events, progress
        self.data, self.first_due, self.last_due, self.items = b"", 0, 0, 0
        self.flags, self.sent, self.lag = RUN_FIRST | STREAM_KEEP * keep, 0, 0.0
        self.results, self.state = [], (0, 0, 0)
        self.started = time.perf_counter()

    def put(self, due, data):
        """Bytes that are due ``due`` microseconds after the first event."""
        if self.data and (len(self.data) + len(data) > ROOM or due > self.first_due + TOGETHER):
            self.send()
        if not self.data:
            self.first_due = due
        self.last_due, self.items = due, self.items + 1
        for start in range(0, len(data), ROOM):
            if self.data and start:
                self.send()
            self.data += data[start:start + ROOM]

    def send(self):
        """Wait until the gathered events are due, send them, and take the classes that are new."""
        due = self.started + self.last_due / 1e6 / self.speed if self.speed else 0
        time.sleep(max(0, due - time.perf_counter()))
        status, body = self.host.line.exchange(Command.STREAM, self.data, flags=self.flags,
                                               window=self.window)
        if status != Status.OK:
            raise HostError("The board takes no live stream: build its bitstream again"
                            if status == Status.MALFORMED else LOST)
        self.state = tuple(np.frombuffer(body, "<u4").tolist())
        if self.speed and self.data:
            self.lag = max(self.lag, time.perf_counter() - due)
        self.flags, self.data, self.sent = 0, b"", self.sent + self.items
        self.items = 0
        self.take_results()
        if self.progress:
            self.progress(min(self.sent, self.events))

    def take_results(self):
        new = self.state[0] - len(self.results)
        if new > RESULTS:
            raise HostError(f"The board has had {new} classes since it was last asked, and keeps "
                            f"{RESULTS}: stream more slowly, or in longer timesteps")
        while len(self.results) < self.state[0]:
            at = len(self.results) % RESULTS
            count = min(self.state[0] - len(self.results), RESULTS - at)
            words = self.host.read(RESULTS_SPACE, 0, at, 4, count)
            self.results += np.frombuffer(words, "<u4").tolist()

    def finish(self, frames):
        """The rest, and the classes that are still to come."""
        self.send()
        seconds = time.perf_counter() - self.started
        deadline = time.monotonic() + LAST_CLASS
        while len(self.results) < frames:
            if time.monotonic() > deadline:
                raise HostError(f"The board gave {len(self.results)} of {frames} classes: reset it "
                                "and load the network again")
            self.send()
        words = np.array(self.results, np.int64)
        return LiveRun(classes=words & (1 << RESULT_LABEL_BITS) - 1,
                       latencies=words >> RESULT_LABEL_BITS, clipped=self.state[1],
                       waited=self.state[2], lag=self.lag, seconds=seconds)


def _checked(spec, times, neurons, window):
    times, neurons = np.asarray(times), np.asarray(neurons)
    if times.ndim != 1 or times.shape != neurons.shape or not len(times):
        raise HostError(f"Events must be (events,) times and neurons, at least 1, not "
                        f"{times.shape} and {neurons.shape}")
    for what, values in (("Times", times), ("Neurons", neurons)):
        if values.dtype.kind not in "iu":
            raise HostError(f"{what} of events must be whole numbers, not {values.dtype}")
    if not 0 <= neurons.min() <= neurons.max() < spec.input.size:
        raise HostError(f"Neurons of events must be in 0..{spec.input.size - 1}, not "
                        f"{neurons.min()}..{neurons.max()}: they are for another network")
    times = times.astype(np.int64)
    if (back := np.flatnonzero(np.diff(times) < 0)).size:
        raise HostError(f"Times of events must ascend, but event {back[0] + 1} comes "
                        f"{times[back[0]] - times[back[0] + 1]} us before the one before it")
    if not 1 <= window < 1 << 32:
        raise HostError(f"Window must be in 1..{(1 << 32) - 1} us, not {window}")
    return times, neurons
