"""Proofs over all inputs, by the SAT solver of yosys."""

import json

from amaranth.back import rtlil
from amaranth.hdl import Const, Shape

from qblif.boards.flow.tools import SynthError, run_yosys

__all__ = ["counterexample"]


def counterexample(miter, folder, *, cycles=None, edit=lambda text: text):
    """Inputs for which a miter's output ``differ`` is 1, or ``None``: proven that there are none.

    A miter without registers has ports of plain shapes and ``differ``.  One with registers has as
    well the input ``first``, 1 in the first of ``cycles`` cycles, and the output ``assume``, 1 as
    long as the inputs are such as can come.  Its registers start with anything that ``assume``
    allows, whatever they are reset to, and ``differ`` counts in the last cycle.

    Parameters
    ----------
    miter : :class:`amaranth.lib.wiring.Component`
    folder : path; the RTLIL, the log and the counterexample are written there
    cycles : int, for a miter with registers
    edit : what changes the RTLIL, for a proof that must fail

    Returns a dictionary from each port to its value, to one value a cycle where there are
    ``cycles``.  Raises :class:`SynthError` where yosys fails.
    """
    (folder / "miter.il").write_text(edit(rtlil.convert(miter, name="miter", emit_src=False)))
    found = folder / "found.json"
    found.unlink(missing_ok=True)
    sat = "sat -verify -prove differ 0 -show-ports -dump_json found.json"
    if cycles is not None:
        sat += (f" -seq {cycles} -prove-skip {cycles - 1} -set rst 0 -set assume 1 -set first 0"
                " -set-at 1 first 1")
    try:
        run_yosys(folder, ["read_rtlil miter.il", "hierarchy -top miter", "proc", "flatten",
                           "setattr -unset init w:*", "memory_map", "opt -full", f"{sat} miter"])
    except SynthError:
        # With -verify, a counterexample is an error too.
        if not found.exists():
            raise
        return read_model(found, miter, cycles)
    return None


def read_model(path, miter, cycles):
    """The ports' values of a WaveJSON file."""
    waves = {wave["name"]: wave for wave in json.loads(path.read_text())["signal"]}
    values = {name: list(decode(waves[name], Shape.cast(member.shape)))
              for name, member in miter.signature.members.items()}
    # Column 0 is all that there is without registers; with them it is what they start with.
    return {name: value[1:] if cycles else value[0] for name, value in values.items()}


def decode(wave, shape):
    """A port's value in each column; ``None`` where it has none."""
    data, value = iter(wave.get("data", ())), None
    for mark in wave["wave"]:
        if mark != ".":
            bits = mark if shape.width == 1 else next(data)
            value = Const(int(bits, 2), shape).value if bits and bits != "4" else None
        yield value
