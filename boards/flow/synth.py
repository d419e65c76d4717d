"""Verilog to a placed-and-routed report, with yosys and nextpnr from PyPI.

A network's top has hundreds of port bits, more than any package has pins, so the flow places it out
of context, the same way on every device: all ports but clocks and resets are cut from the mapped
netlist (:func:`qblif.boards.flow.netlist.cut_pins`), and every cell stays.  Fmax is then register
to register, with the clock on its global network.  (nextpnr-ecp5's own ``--out-of-context`` gives
the same Fmax within the spread of seeds, but takes the clock through the fabric; nextpnr-ice40 has
no such option; a shift register around the pins would add cells that are not the design's.)

The passes of yosys are its defaults, and two choices.  Multipliers are left to the DSP blocks, so
that one that slipped into a design shows up in the report.  And a signal that carries ``keep``
keeps its registers: yosys heeds that attribute on cells only, and would merge copies that were made
to spread a fan-out.
"""

import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..devices import DEVICES
from .block_ram import fold_output_registers as fold
from .components import components
from .critical_path import CriticalPath, longest_path
from .netlist import count, cut_pins, fanout, multipliers
from .tools import DoesNotFit, SynthError, need, run_nextpnr, run_yosys

__all__ = ["DEVICES", "Report", "SynthError", "refuse_overfull", "synthesise"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a design takes on a device, and how fast it runs there.

    Members
    -------
    lut, ff, bram, dsp, spram : int
        Placed cells, counted as :class:`qblif.boards.devices.Device` says.
    carry : int
        Mapped carry cells: CCU2C of two bits (ECP5), SB_CARRY of one bit (iCE40).
    lut_ram : int
        Mapped distributed RAMs of 16x4 bits (ECP5), whose LUTs are part of ``lut``.
    folded : int
        Flip-flops that went into the output registers of block RAMs.
    fmax_mhz : float or None
        Clock of the slowest register-to-register path, after routing; ``None`` if there is none.
    components : dict
        Component -> mapped cells by kind, see :func:`qblif.boards.flow.components.components`.
    multipliers : tuple of str
        Multiplying or dividing cells, before and after mapping.
    """

    device: str
    part: str
    seed: int
    lut: int
    ff: int
    bram: int
    dsp: int
    spram: int
    carry: int
    lut_ram: int
    folded: int
    capacities: dict
    fmax_mhz: float | None
    path: CriticalPath | None = field(repr=False)
    components: dict = field(repr=False)
    multipliers: tuple = field(repr=False)

    def path_in_words(self):
        """The longest path as sentences: ends, cells, delays, and what bounds it."""
        if self.path is None:
            return "No path leads from a register to a register."
        return self.path.in_words()

    def to_json(self):
        """A dict that ``json.dumps`` takes, with ``path_in_words`` beside the raw steps."""
        return asdict(self) | {"path_in_words": self.path_in_words()}


def synthesise(verilog, *, top, device, out_dir, frequency_mhz=None, seed=1,
               fold_output_registers=True, progress=None):
    """Synthesise, place and route; leaves logs, netlist and ``report.json`` in ``out_dir``.

    Parameters
    ----------
    verilog : Path
        The design. A memory that is never read where it is written in the same cycle carries the
        attribute ``no_rw_check``; without it, yosys adds LUTs that emulate such a read.
    top : str
        Name of its top module.
    device : str
        A name in :data:`DEVICES`.
    out_dir : Path
        Made if it is missing.
    frequency_mhz : float or None
        What the placer aims at; a slower result is reported, not refused.
    seed : int
        Of the placer. Same inputs and seed, same result.
    fold_output_registers : bool
        On ECP5, see :mod:`qblif.boards.flow.block_ram`.
    progress : callable or None
        Called with one line a step.

    Raises
    ------
    SynthError
        Unknown device, missing tool or file, unwritable folder, a design that does not fit or does
        not synthesise.
    """
    target = _device(device)
    say = progress or (lambda line: None)
    verilog, out_dir = Path(verilog), Path(out_dir)
    if not verilog.is_file():
        raise SynthError(f"No Verilog file at {verilog}")
    need("pyosys", f"yowasp_nextpnr_{target.family}")
    _make_folder(out_dir)

    say(f"yosys: mapping {verilog.name} to {target.part}")
    _map(verilog, top, target, out_dir)
    before = (out_dir / "generic.il").read_text()
    netlist = json.loads((out_dir / "mapped.json").read_text())
    module = netlist["modules"][top]
    folded = fold(module) if fold_output_registers and target.family == "ecp5" else {}
    cut_pins(module)
    _write(out_dir / "netlist.json", netlist)

    cells = count(module)
    refuse_overfull(device, [(kind, cells[kind], getattr(target, kind))
                              for kind in ("ff", "bram", "dsp", "spram")])
    say(f"nextpnr: placing {cells['lut']} LUTs, {cells['ff']} flip-flops and {cells['bram']} block "
        "RAMs")
    placed = _place(target, device, top, out_dir, frequency_mhz, seed)
    used = _used(placed, target, cells)
    path = longest_path(placed, fanout(module))
    report = Report(
        device=device, part=target.part, seed=seed, **used,
        carry=cells["carry"], lut_ram=cells["lut_ram"], folded=sum(folded.values()),
        capacities={kind: getattr(target, kind) for kind in used}, path=path,
        fmax_mhz=_fmax(placed, path),
        components={name: dict(row) for name, row in components(module, before, top).items()},
        multipliers=tuple(multipliers(before) + multipliers(netlist)),
    )
    _write(out_dir / "report.json", report.to_json())
    say(f"{report.lut} LUTs, {_mhz(report.fmax_mhz)}")
    return report


def _device(name):
    if name not in DEVICES:
        raise SynthError(f"Device must be one of {', '.join(DEVICES)}, not {name!r}")
    return DEVICES[name]


def _make_folder(out_dir):
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out_dir):
            pass
    except OSError as error:
        raise SynthError(f"Cannot write to {out_dir}: {error.strerror}") from error


# Registers that drive a signal with the attribute keep.
KEEP_COPIES = "setattr -set keep 1 a:keep=1 w:* %i %ci1 t:$*dff* %i"
_OUTPUTS = ("generic.il", "mapped.json", "netlist.json", "placed.json", "report.json")


def _map(verilog, top, target, out_dir):
    if not re.fullmatch(r"[A-Za-z_]\w*", top):
        raise SynthError(f"Top must be a Verilog identifier, not {top!r}")
    for name in _OUTPUTS:
        (out_dir / name).unlink(missing_ok=True)
    run_yosys(out_dir, [
        f'read_verilog "{verilog.resolve()}"', f"hierarchy -check -top {top}",
        "proc", KEEP_COPIES, "write_rtlil generic.il",
        f"{target.synth} -top {top} -json mapped.json",
    ])


def _place(target, device, top, out_dir, frequency_mhz, seed):
    arguments = [*target.place, "--json", "netlist.json", "--top", top, "--report", "placed.json",
                 "--seed", str(seed), "--timing-allow-fail"]
    if target.family == "ecp5":
        arguments.append("--lpf-allow-unconstrained")
    if frequency_mhz is not None:
        arguments += ["--freq", str(frequency_mhz)]
    try:
        run_nextpnr(out_dir, target.family, arguments)
    except SynthError:
        refuse_overfull(device, _utilisation(out_dir / "nextpnr.log"))
        raise
    return json.loads((out_dir / "placed.json").read_text())


_WORDS = {
    "ff": "flip-flops", "bram": "block RAMs", "dsp": "DSP blocks", "spram": "SPRAM blocks",
    "TRELLIS_COMB": "LUTs", "TRELLIS_FF": "flip-flops", "TRELLIS_RAMW": "distributed RAMs",
    "ICESTORM_LC": "logic cells",
}


def refuse_overfull(device, rows):
    """Raise if any (block, used, available) has more used than there are."""
    too_many = [f"{used} of {free} {_WORDS.get(name, name)}" for name, used, free in rows
                if int(used) > int(free)]
    if too_many:
        raise DoesNotFit(f"The design does not fit {device}: it needs {', '.join(too_many)}")


def _utilisation(log):
    text = log.read_text(errors="replace")
    return re.findall(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s", text, re.MULTILINE)


def _used(placed, target, cells):
    used = {name: row["used"] for name, row in placed["utilization"].items()}
    if target.family == "ecp5":
        return {"lut": used["TRELLIS_COMB"], "ff": used["TRELLIS_FF"], "bram": used["DP16KD"],
                "dsp": used["MULT18X18D"] + used["ALU54B"], "spram": 0}
    return {"lut": used["ICESTORM_LC"], "ff": cells["ff"], "bram": used["ICESTORM_RAM"],
            "dsp": used.get("ICESTORM_DSP", 0), "spram": used.get("ICESTORM_SPRAM", 0)}


def _fmax(placed, path):
    clocks = [clock["achieved"] for clock in placed["fmax"].values()]
    return round(min(clocks), 2) if clocks and path else None


def _mhz(value):
    return "no register-to-register path" if value is None else f"{value:.1f} MHz"


def _write(path, data):
    """Write JSON so that a reader finds the whole file or none."""
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(data, file)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
