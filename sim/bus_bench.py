"""A network behind a bus, on a Verilog simulator: frames and register accesses, against the integer
model."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..hw.bus.top import BusTop
from ..hw.verilog import describe_ports, to_verilog
from .simulators import SimulatorError, build, require, run

__all__ = ["NETWORK", "BusOutcome", "packets", "play"]

NETWORK, TOP = "qblif_network", "qblif_bus_bench"

BENCH = """\
module {top};
{signals}
    {network} dut ({ports});
endmodule
"""


@dataclass(frozen=True)
class BusOutcome:
    """``results`` in the order of their arrival; ``accesses`` are ``["write", error]``,
    ``["read", error, value]`` and ``["results", count]``, one for each operation that gives one;
    ``broken`` says where an offer did not hold; ``cycles`` of the whole run."""

    results: list[int]
    accesses: list[list]
    broken: list[str]
    cycles: int = field(compare=False)


def packets(layout, frames):
    """The words of each frame of levels, as they go to ``s_axis_tdata``."""
    found = [[] for _ in frames]
    transfers = layout.input.stream(np.asarray(frames))
    for frame, address, level in zip(transfers.frame.tolist(), transfers.address.tolist(),
                                     transfers.level.tolist(), strict=True):
        found[frame].append(address | level << 24)
    return found


def bench_text(top):
    """Verilog of a bench for ``top``, all of whose ports cocotb may read, or drive."""
    kinds, ports, signals = {"input": "reg", "output": "wire"}, [], []
    for port in describe_ports(top):
        name, bits = port["name"], f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
        ports.append(f".{name}({name})")
        signals.append(f"    {kinds[port['direction']]} {bits}{name} /*verilator public_flat_rw*/;")
    return BENCH.format(top=TOP, network=NETWORK, ports=", ".join(ports),
                        signals="\n".join(signals))


def play(trained, layout, operations, *, bus, out_dir, simulator="icarus", baked=False,
         readback=False, idle=0, stall=0, seed=0, reset_cycles=2, patience=4000,
         verilog=None, cache=None, progress=None):
    """Build the network behind ``bus`` and play ``operations`` on it.

    Parameters
    ----------
    operations : list of ``(name, arguments...)``
        ``write offset value [strobes]``, ``read offset``, ``load writes``, ``frames packets``,
        ``gather count`` (waits for so many results in all), ``mark`` (notes how many there are),
        ``more count`` (waits for so many since the mark), ``settle`` (until nothing moves),
        ``wait cycles``, ``reset cycles``.
    idle, stall : int
        Share of the cycles, in 256ths, in which the source, and the receiving sides, pause.
    patience : int
        Cycles without a transfer of a stream after which no more results are waited for.
    verilog : str or None
        The network's text, where it is there already.

    Returns a :class:`BusOutcome`.  Raises :class:`qblif.sim.simulators.SimulatorError` where the
    simulator is missing or fails.
    """
    require(simulator)
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    top = BusTop(layout, trained if baked else None, bus=bus, readback=readback)
    (folder / "network.v").write_text(verilog or to_verilog(top, NETWORK))
    (folder / "bench.v").write_text(bench_text(top))
    (folder / "job.json").write_text(json.dumps({
        "bus": bus, "operations": operations, "idle": idle, "stall": stall, "seed": seed,
        "patience": patience, "reset_cycles": reset_cycles}))
    (folder / "outcome.json").unlink(missing_ok=True)
    built = build(simulator, [folder / "network.v", folder / "bench.v"], TOP, cache)
    run(simulator, built, TOP, "qblif.sim.cocotb_bus", folder,
        lambda line: progress and line.startswith("progress ") and progress(int(line.split()[1])))
    try:
        return BusOutcome(**json.loads((folder / "outcome.json").read_text()))
    except OSError as error:
        raise SimulatorError(f"The simulator left no outcome; see {folder / 'run.log'}") from error
