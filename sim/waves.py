"""Waves of one frame for a person: a VCD file, and the save file with which GTKWave opens it.

The simulators' own waves are the hardware's signals: packed vectors, a few neurons at a time on
their way down a pipeline, and nothing holds a membrane in its place.  These are written from the
recordings of the AER streams and the traces, with a variable for each neuron.
"""

import io
from operator import itemgetter

import numpy as np
from vcd import VCDWriter
from vcd.gtkw import GTKWSave

from ..golden.spec.files import write_atomically
from ..hw.core.payloads import index_shape
from ..hw.layout.addressing import address_bits
from .bench_files import UNKNOWN
from .bench_top import PERIOD
from .record import record

__all__ = ["NEURONS", "record_waves", "write_waves"]

NEURONS = 1024  # Of a population whose levels and membranes are in the file, each in its own line.
OPEN = 32  # Neurons of a group of lines that is open when the viewer starts.
SCOPE = "network"


def record_waves(trained, layout, levels, name, *, simulator, out_dir, generated=None, cache=None):
    """Run ``levels``, one frame, and write ``NAME.vcd`` and ``NAME.gtkw`` into ``out_dir``; returns
    what they leave out, a sentence each.

    The other parameters are those of :func:`qblif.sim.record.record`.
    """
    recorded = record(trained, layout, levels[None], probes_of(layout), simulator=simulator,
                      out_dir=out_dir, generated=generated, cache=cache)
    return write_waves(layout, recorded.waves, out_dir / name)


def probes_of(layout):
    """The probes of :func:`qblif.sim.probes.network_probes` that the files show."""
    found = [("stream", layout.spec.input.name)]
    for stage in layout.stages:
        found += [("stream", stage.name)] * stage.emits + [("class", stage.name)] * stage.classifies
        found.append(("trace", stage.name))
    return found


def write_waves(layout, waves, path):
    """Write ``PATH.vcd`` and ``PATH.gtkw``; returns what they leave out, a sentence each."""
    vcd, gtkw = io.StringIO(), io.StringIO()
    start = min(int(wave.cycles[0]) for wave in waves.values())
    files = _Files(VCDWriter(vcd, timescale="1 ns", date=""), GTKWSave(gtkw), start)
    files.save.dumpfile(str(path.with_suffix(".vcd").resolve()))
    files.save.treeopen(SCOPE)
    files.clock(max(wave.end for wave in waves.values()))
    source = layout.spec.input
    with files.save.group(f"{source.name} events"):
        _events(files, source, "o" if layout.input.framed else "i", waves["stream", source.name])
    left_out = []
    for stage in layout.stages:
        name, size = stage.name, stage.population.size
        if stage.emits:
            with files.save.group(f"{name} events"):
                _events(files, stage.population, "o", waves["stream", name])
        if stage.classifies:
            with files.save.group(f"{name} class"):
                _class(files, stage.population, waves["class", name])
        if size <= NEURONS:
            _neurons(files, stage, waves["trace", name])
        else:
            left_out.append(f"{name} has {size:,} neurons, more than {NEURONS:,}: the waves have "
                            "its events, but not its levels and membranes; qblif trace shows those "
                            "of one neuron")
    files.write()
    write_atomically(path.with_suffix(".vcd"), vcd.getvalue().encode())
    write_atomically(path.with_suffix(".gtkw"), gtkw.getvalue().encode())
    return left_out


class _Files:
    """Both files while they are made: variables, and all changes until they are in order."""

    def __init__(self, writer, save, start):
        self.writer, self.save, self.start = writer, save, start
        self.changes = []

    def variable(self, name, width, signed=False):
        """A variable in both files.

        A number is a VCD ``integer``, which GTKWave and Surfer show in signed decimals; one that is
        never negative has a bit more.
        """
        kind = "wire" if width == 1 and not signed else "integer"
        scope, _, last = f"{SCOPE}.{name}".rpartition(".")
        self.save.trace(f"{scope}.{last}", datafmt="bin" if kind == "wire" else "signed")
        return self.writer.register_var(
            scope, last, kind, size=width if kind == "wire" or signed else width + 1)

    def change(self, variable, cycles, values):
        """The variable has ``values`` from ``cycles`` on; ``None`` is undefined."""
        self.changes += ((int(cycle - self.start) * PERIOD, variable, value)
                         for cycle, value in zip(cycles, values, strict=True))

    def clock(self, end):
        """``clk`` rises as each cycle begins."""
        clk = self.variable("clk", 1)
        for cycle in range(end - self.start):
            self.changes += [(cycle * PERIOD, clk, 1), (cycle * PERIOD + PERIOD // 2, clk, 0)]

    def write(self):
        last = {}
        for time, variable, value in sorted(self.changes, key=itemgetter(0)):
            if last.get(variable) != value:
                self.writer.change(variable, time, "x" if value is None else value)
            last[variable] = value
        self.writer.close()


def _events(files, node, port, wave):
    """An AER stream: valid and ready; address, level and end while valid."""
    scope = f"{node.name}.events"
    fields = {name: wave.fields[f"{port}__payload.{name}"] for name in ("address", "level", "end")}
    valid = wave.fields[f"{port}__valid"] == 1
    _handshake(files, scope, port, wave)
    event = valid & (fields["end"] == 0)
    for name, width, value in _address(node, fields["address"]):
        files.change(files.variable(f"{scope}.{name}", width), wave.cycles, _known(value, event))
    files.change(files.variable(f"{scope}.level", node.emit_max.bit_length()), wave.cycles,
                 _known(fields["level"], event))
    files.change(files.variable(f"{scope}.end", 1), wave.cycles, _known(fields["end"], valid))


def _address(node, address):
    """``(name, bits, values)`` of the fields of an address: of a map channel, row and column, else
    the neuron."""
    low, middle, high = address_bits(node.shape)
    if len(node.shape) != 3:
        return [("neuron", low, address)]
    return [("channel", low, _field(address, 0, low)),
            ("row", high, _field(address, low + middle, high)),
            ("column", middle, _field(address, low, middle))]


def _field(address, first, bits):
    return np.where(address == UNKNOWN, UNKNOWN, address >> first & (1 << bits) - 1)


def _class(files, population, wave):
    """The classes of the last population."""
    port = "result"
    scope = f"{population.name}.class"
    _handshake(files, scope, port, wave)
    label = files.variable(f"{scope}.label", index_shape(population.size).width)
    files.change(label, wave.cycles, _known(wave.fields[f"{port}__payload.label"],
                                            wave.fields[f"{port}__valid"] == 1))


def _handshake(files, scope, port, wave):
    for name in ("valid", "ready"):
        files.change(files.variable(f"{scope}.{name}", 1), wave.cycles,
                     _known(wave.fields[f"{port}__{name}"], True))


def _neurons(files, stage, wave):
    """Level and membrane of each neuron; they change in the cycle after that of the trace."""
    population = stage.population
    cycles, changes = wave.when("trace_valid")
    _, position = stage.passes.steps()
    vectors = stage.passes.neurons()[position].reshape(-1, stage.fire_lanes)[:len(cycles)]
    kinds = [("membrane", population.neuron.v_width, True)]
    if stage.fires:
        kinds.insert(0, ("level", population.emit_max.bit_length(), False))
    for kind, width, signed in kinds:
        values = np.stack([wave.fields[f"trace.{kind}s.{lane}"][changes]
                           for lane in range(stage.fire_lanes)], -1)[:len(vectors)]
        with files.save.group(f"{population.name} {kind}s", closed=population.size > OPEN):
            for neuron in range(population.size):
                variable = files.variable(
                    f"{population.name}.{kind}s.{kind}_{_place(population, neuron)}", width, signed)
                row, lane = np.nonzero(vectors == neuron)
                files.change(variable, cycles[row] + 1, _known(values[row, lane], True))


def _place(population, neuron):
    """A neuron's number, or channel, row and column, as a part of a name."""
    if len(population.shape) != 3:
        return str(neuron)
    return "_".join(map(str, np.unravel_index(neuron, population.shape)))


def _known(values, where):
    """Values as Python integers, ``None`` where they are undefined or not ``where``."""
    where = np.broadcast_to(where, len(values)) & (np.asarray(values) != UNKNOWN)
    return [int(value) if known else None for value, known in zip(values, where, strict=True)]
