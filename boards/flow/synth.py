"""Verilog to a report of its size and clock, placed out of context on a device."""

import re
import tempfile
from pathlib import Path

from ...golden.spec.errors import InvalidValue
from ..devices import DEVICES
from ..pll import check_clock
from .implement import ROUTERS, implement
from .report import Report
from .tools import SynthError, need

__all__ = ["DEVICES", "Report", "SynthError", "check_router", "find_device", "synthesise"]


def find_device(name):
    """The device called ``name``; raises :class:`ValueError` for another."""
    if name not in DEVICES:
        raise InvalidValue(f"Device must be one of {', '.join(DEVICES)}, not {name!r}")
    return DEVICES[name]


def check_router(name):
    """Raise :class:`ValueError` for what is neither ``None`` nor one of :data:`ROUTERS`."""
    if name not in (None, *ROUTERS):
        raise InvalidValue(f"Router must be {' or '.join(ROUTERS)}, not {name!r}")


def synthesise(verilog, *, top, device, out_dir, frequency_mhz=None, seed=1,
               router=None, fold_output_registers=True, progress=None):
    """Synthesise, place and route; leaves logs, netlist, ``report.json`` and
    ``floorplan.json`` in ``out_dir``.

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
    frequency_mhz, seed, router, fold_output_registers
        See :func:`qblif.boards.flow.implement.implement`.
    progress : callable or None
        Called with one line a step.

    Returns a :class:`Report`.

    Raises
    ------
    ValueError
        Unknown device or router, a clock out of range.
    SynthError
        Missing tool or file, unwritable folder, a design that does not fit or does
        not synthesise.
    """
    target = find_device(device)
    check_clock(frequency_mhz)
    check_router(router)
    say = progress or (lambda line: None)
    verilog, out_dir = Path(verilog), Path(out_dir)
    if not verilog.is_file():
        raise SynthError(f"No Verilog file at {verilog}")
    if not re.fullmatch(r"[A-Za-z_]\w*", top):
        raise SynthError(f"Top must be a Verilog identifier, not {top!r}")
    need("pyosys", *target.family.packages)
    _make_folder(out_dir)
    report = implement(verilog, target, top=top, out_dir=out_dir, frequency_mhz=frequency_mhz,
                       seed=seed, router=router, fold_output_registers=fold_output_registers,
                       progress=say)
    say(f"{report.lut} LUTs, {report.clock_text()}")
    return report


def _make_folder(out_dir):
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out_dir):
            pass
    except OSError as error:
        raise SynthError(f"Cannot write to {out_dir}: {error.strerror}") from error
