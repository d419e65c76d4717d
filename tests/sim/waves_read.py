"""Waves read back from a VCD file, with the parser of the viewer Surfer."""

import numpy as np
import pywellen

from qblif.sim.bench_top import PERIOD

__all__ = ["Waves"]


class Waves:
    """The variables of a VCD file, each cycle as it ends, where the hardware samples."""

    def __init__(self, path):
        self.variables = {var.full_name: var for var in pywellen.Waveform(str(path)).all_vars()}
        last = max(time for time, _ in self.variables["network.clk"].signal)
        self.cycles = int(last) // PERIOD + 1

    def values(self, name, signed=False):
        """One value a cycle, ``None`` where it is undefined."""
        variable = self.variables[f"network.{name}"]
        return [_number(variable.signal.value_at(cycle * PERIOD + PERIOD - 1), variable.bitwidth,
                        signed) for cycle in range(self.cycles)]

    def transfers(self, scope, *fields):
        """The fields of a stream in every cycle with valid and ready."""
        valid, ready, *found = (self.values(f"{scope}.{name}")
                                for name in ("valid", "ready", *fields))
        return [row for v, r, *row in zip(valid, ready, *found, strict=True) if v and r]

    def updates(self, name, cycles, signed=False):
        """A variable's value in each of ``cycles`` and in the one behind it."""
        values = self.values(name, signed)
        return [(values[cycle], values[cycle + 1]) for cycle in cycles]


def _number(value, width, signed):
    if value is None or isinstance(value, str):
        return None  # Undefined bits come as text.
    return int(np.int64(value) - (1 << width if signed and value >> width - 1 else 0))
