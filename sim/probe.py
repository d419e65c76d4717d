"""Ports inside of a network that a simulation records cycle by cycle, on any of the simulators."""

from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from amaranth.hdl import Cat, Value
from amaranth.lib import data

from ..hw.verilog import describe_fields
from .bench_files import UNKNOWN

__all__ = ["Probe", "Wave", "read_wave"]


@dataclass(frozen=True)
class Probe:
    """Ports of one component.

    ``path`` are the names of the components around it and its own, from the network's stages on;
    ``ports`` maps the ports' names in the Verilog to their shapes.
    """

    path: tuple[str, ...]
    ports: dict

    @cached_property
    def layout(self):
        return data.StructLayout(self.ports)

    @property
    def width(self):
        return self.layout.size

    @cached_property
    def fields(self):
        """Every leaf of the ports by name, see :func:`~qblif.hw.verilog.describe_fields`."""
        return {field["name"]: field for field in describe_fields(self.layout)}

    def verilog(self, network):
        """The ports as one Verilog expression, ``network`` the name of the instance."""
        path = ".".join((network, *(f"\\{name} " for name in self.path)))
        return "{" + ", ".join(f"{path}.\\{port} " for port in [*self.ports][::-1]) + "}"

    def value(self, component):
        """The same of an Amaranth component."""
        return Cat(Value.cast(reduce(getattr, port.split("__"), component)) for port in self.ports)


@dataclass(frozen=True)
class Wave:
    """What a probe recorded: ``cycles`` in which it changed, and the value of each of its fields
    from then on, arrays ``(changes,)``; ``end`` is one more than the last cycle."""

    cycles: np.ndarray
    fields: dict[str, np.ndarray]
    end: int

    def at(self, cycles, field):
        """The field's value in each of ``cycles``, none of them before the first."""
        return self.fields[field][np.searchsorted(self.cycles, cycles, side="right") - 1]

    def when(self, *flags):
        """``(cycles, changes)`` of every cycle in which all of the fields ``flags`` are 1: its
        number, and the place of its values in ``fields``."""
        wanted = np.logical_and.reduce([self.fields[flag] == 1 for flag in flags])
        lengths = np.diff(self.cycles, append=self.end) * wanted
        changes = np.repeat(np.arange(len(lengths)), lengths)
        since = np.arange(len(changes)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self.cycles[changes] + since, changes


def read_wave(probe, text, end):
    """The :class:`Wave` in what ``watcher.v`` wrote, bytes, up to the cycle ``end``; values with
    undefined bits are :data:`~qblif.sim.bench_files.UNKNOWN`."""
    line = 8 + 1 + probe.width + 1
    lines = np.frombuffer(text, np.uint8, len(text) // line * line).reshape(-1, line)
    cycles = np.array([int(bytes(row), 16) for row in lines[:, :8]], np.int64)
    whole = cycles < end
    bits = lines[whole, 9:-1][:, ::-1]  # The lowest first.
    return Wave(cycles[whole], {name: _number(bits, field) for name, field in probe.fields.items()},
                end)


def _number(bits, field):
    """The numbers in some columns of binary digits."""
    used = bits[:, field["offset"]:field["offset"] + field["width"]]
    weights = 1 << np.arange(field["width"], dtype=np.int64)
    if field["signed"]:
        weights[-1:] *= -1
    return np.where(np.isin(used, (48, 49)).all(1), (used == 49) @ weights, UNKNOWN)
