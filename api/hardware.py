"""A network on hardware: its Verilog, its simulation, its cycles, its size, its bitstream."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..golden.spec.artifact import Trained, write_atomically
from ..golden.spec.errors import InvalidValue
from ..hw.layout.compile import Layout
from ..hw.layout.compile import compile as lay_out

if TYPE_CHECKING:
    from ..boards.flow.synth import Report
    from ..hw.layout.cycles import Cycles
    from ..hw.verilog import Generated
    from ..sim.result import Result

__all__ = ["Fit", "Hardware", "compile"]


@dataclass(frozen=True)
class Fit:
    """Whether a layout fits a device, before anything is synthesised; true where it may.

    ``bram`` and ``spram`` are exact counts of memory blocks, ``lut`` is an estimate; ``capacity``
    has the device's.  ``refusal`` says what is too much, "" where nothing is.
    """

    device: str
    bram: int
    spram: int
    lut: int
    capacity: dict[str, int]
    refusal: str

    def __bool__(self) -> bool:
        return not self.refusal

    def __str__(self) -> str:
        counts = ", ".join(f"{getattr(self, kind):,} of {most:,} {what}" for kind, what, most in (
            (kind, what, self.capacity[kind]) for kind, what in (
                ("lut", "LUTs (estimate)"), ("bram", "block RAMs"), ("spram", "single-port RAMs")))
            if most)
        return f"{'fits' if self else 'does not fit'} {self.device}: {counts}"


def compile(net: Trained, *, lanes: int | Sequence[int] | None = None, device: str | None = None,
            burst: str = "shift", quantiser: str | None = None,
            time: str = "inner") -> Hardware:
    """Lay a network out on hardware.

    Parameters
    ----------
    net : :class:`Trained`
    lanes : int or one int a stage
        Synaptic operations a cycle of the busiest stage; the others get the fewest that keep up.
        32 where neither ``lanes`` nor ``device`` is given.
    device : name of a device of ``qblif synth``
        The fastest layout that should fit it.
    burst : ``"shift"`` or ``"repeat"``
        A level as signed power-of-two digits, or the weight added level times: the same results.
    quantiser : ``"slice"`` or ``"ladder"``
        ``None`` takes the slice wherever theta is a power of two: the same results.
    time : ``"inner"`` or ``"outer"``
        Timesteps innermost, all of a position before the next, or outermost, as a live stream
        brings them: the same results.

    Raises :class:`ValueError` for lanes that no stage can have, for an unknown device, and for one
    that the network does not fit.
    """
    from ..boards.devices import DEVICES
    from ..boards.planning import plan_for
    if lanes is not None and device is not None:
        raise InvalidValue(f"Give lanes or a device, not both: {lanes} and {device!r}")
    if device is not None and device not in DEVICES:
        raise InvalidValue(f"Device must be one of {', '.join(DEVICES)}, not {device!r}")
    wanted = device if device is not None else 32 if lanes is None else lanes
    return Hardware(net, lay_out(net.spec, plan_for(net, wanted, burst, quantiser, time)))


class Hardware:
    """One network as one layout; made by :func:`compile`.

    Members
    -------
    net : :class:`Trained`
    layout : :class:`~qblif.hw.layout.compile.Layout`
        Geometry, memories and latencies of every stage.
    """

    net: Trained
    layout: Layout

    def __init__(self, net: Trained, layout: Layout) -> None:
        self.net = net
        self.layout = layout

    def __repr__(self) -> str:
        lanes = ", ".join("+".join(map(str, stage.plan.lanes)) for stage in self.layout.stages)
        return f"<Hardware {self.digest}: {lanes} lanes>"

    @property
    def digest(self) -> str:
        """64-bit hexadecimal fingerprint of network and layout."""
        return self.layout.digest

    @property
    def lanes(self) -> list[list[int]]:
        """Lanes of each synapse, stage by stage."""
        return [[engine.lanes for engine in stage.engines] for stage in self.layout.stages]

    @cached_property
    def _generated(self) -> Generated:
        from ..hw.verilog import generate
        return generate(self.layout)

    @property
    def manifest(self) -> dict[str, Any]:
        """What the Verilog's ports and memories mean: dictionaries, lists, strings, integers."""
        return self._generated.manifest

    def verilog(self, path: str | Path | None = None, *, bake: bool = False,
                bus: str | None = None) -> str:
        """The Verilog text; with a ``path`` it is written there too, and the manifest beside it
        under the same name with ``.json``.  ``bake`` puts the weights into the memories' initial
        contents; ``bus`` is ``"axi"`` or ``"wishbone"`` for a network behind one
        (``docs/buses.md``).  Raises :class:`ValueError` for a bus that this network cannot have,
        and :class:`OSError` where the files cannot be written."""
        from ..hw.verilog import generate
        generated = self._generated if not (bake or bus) else generate(
            self.layout, self.net if bake else None, bus=bus)
        if path is not None:
            write_atomically(Path(path), generated.verilog.encode())
            write_atomically(Path(path).with_suffix(".json"),
                             json.dumps(generated.manifest, indent=2).encode())
        return generated.verilog

    def levels(self, frames: Any) -> np.ndarray:
        """Input levels of ``frames``: images of uint8 are quantised, levels stay what they are.

        Images are ``(n, rows, columns)`` or ``(n, channels, rows, columns)``, levels
        ``(n, inputs)`` or ``(n, timesteps, inputs)``.
        """
        return self.net.levels(frames)

    def simulate(self, frames: Any, *, simulator: str = "verilator",
                 out_dir: str | Path | None = None,
                 progress: Callable[[int], None] | None = None) -> Result:
        """Run images or levels through the Verilog and compare every level and membrane.

        The files of the run are kept in ``out_dir`` where it is given.  Raises
        :class:`~qblif.sim.simulators.SimulatorError` where the simulator is missing or fails, and
        :class:`ValueError` for levels that do not fit the network.
        """
        from ..sim.bench import simulate
        levels = self.levels(frames)
        with nullcontext(out_dir) if out_dir else tempfile.TemporaryDirectory() as folder:
            return simulate(self.net, self.layout, levels, simulator=simulator, out_dir=folder,
                            generated=self._generated, progress=progress)

    def trace(self, frame: Any, neuron: str, *,
              simulator: str | None = "verilator") -> dict[str, Any]:
        """One neuron through one frame, timestep by timestep, in the integer model and the Verilog.

        ``frame`` is an image or its levels, without the axis of frames; ``neuron`` is
        ``"POP/INDEX"`` or ``"POP/CHANNEL,ROW,COLUMN"``; ``simulator`` is ``"verilator"``,
        ``"icarus"``, ``"amaranth"`` (slow, always there) or ``None`` for the integer model alone.
        Returns what ``trace.json`` says (``docs/trace.md``).  Raises :class:`ValueError` for a
        neuron that does not exist and for levels that do not fit.
        """
        from ..golden.neuron_trace import find_neuron
        from ..sim.trace import trace_neuron
        name, number = find_neuron(self.net.spec, neuron)
        levels = self.levels(np.asarray(frame)[None])[0]
        with tempfile.TemporaryDirectory() as folder:
            return trace_neuron(self.net, self.layout, levels, name, number,
                                simulator=simulator, out_dir=folder)

    def cycles(self, frames: Any) -> Cycles:
        """Cycles that images or levels take, exact, without a simulation."""
        from ..golden import integer
        from ..hw.layout.cycles import count_cycles
        levels = self.levels(frames)
        trace = integer.run(self.net, levels).levels
        return count_cycles(self.layout, levels, {n: found.numpy() for n, found in trace.items()})

    def fits(self, device: str) -> Fit:
        """Whether it fits a device; :class:`ValueError` for one that is not known."""
        from ..boards.devices import BOARD_DEVICES
        from ..boards.fit import need, refusal
        if device not in BOARD_DEVICES:
            raise InvalidValue(f"Device must be one of {', '.join(BOARD_DEVICES)}, not {device!r}")
        found, needed = BOARD_DEVICES[device], need(self.layout, BOARD_DEVICES[device])
        return Fit(device=device, bram=needed.bram, spram=needed.spram, lut=needed.lut,
                   capacity={kind: getattr(found, kind) for kind in ("lut", "bram", "spram")},
                   refusal=refusal(needed, found))

    def synth(self, device: str, *, out_dir: str | Path, seed: int = 1,
              frequency_mhz: float | None = None,
              progress: Callable[[str], None] | None = None) -> Report:
        """Synthesise, place and route; LUTs, memories and the placer's clock.

        Raises :class:`~qblif.boards.flow.tools.SynthError` where a tool is missing, and where the
        design does not fit.
        """
        from ..boards.flow.synth import synthesise
        folder = Path(out_dir)
        folder.mkdir(parents=True, exist_ok=True)
        self.verilog(folder / "network.v")
        return synthesise(folder / "network.v", top=self.manifest["top"], device=device,
                          out_dir=folder, frequency_mhz=frequency_mhz, seed=seed,
                          progress=progress)

    def build(self, board: str, *, out_dir: str | Path, frequency: float | None = None,
              seed: int = 1, progress: Callable[[str], None] | None = None) -> dict[str, Any]:
        """A bitstream of this layout for a board; returns what ``build.json`` says.

        Raises :class:`~qblif.boards.flow.tools.SynthError` where the board cannot hold it or its
        clock cannot be met.
        """
        from ..boards.build import build
        from ..boards.catalogue import find_board
        return build(self.net, find_board(board), out_dir=Path(out_dir), frequency=frequency,
                     layout=self.layout, seed=seed, progress=progress)

    def report(self, out_dir: str | Path, images: Any = None, labels: Any = None, *,
               title: str = "network", device: str = "ecp5-85k", neuron: str | None = None,
               rtl: bool = False, synth: bool = False,
               progress: Callable[[str], None] | None = None) -> dict[str, Any]:
        """One page of all that is known of it: ``report.html``, and ``report.json`` with the
        figures, which are returned.

        ``images`` are images or levels with their ``labels``, or ``None`` for a page without what
        follows from them; ``neuron`` is ``"POP/INDEX"``.  ``rtl`` simulates the images on
        Verilator, ``synth`` places the design on ``device``.  Raises what :meth:`simulate` and
        :meth:`synth` raise, and :class:`ValueError` for a neuron that does not exist, and for
        images without labels.
        """
        from .report import make_report
        return make_report(self.net, self.layout, Path(out_dir), images, labels, title=title,
                           device=device, neuron=neuron, rtl=rtl, synth=synth, progress=progress)
