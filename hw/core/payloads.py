"""Payloads of the streams between components, and small helpers for pipelines."""

from amaranth import *
from amaranth.lib import data
from amaranth.utils import ceil_log2

from ..layout.addressing import beats

__all__ = ["ANY_RAM", "BLOCK_RAM", "DISTRIBUTED_RAM", "Event", "Issue", "LoadWord", "TraceBeat",
           "index_shape", "pipe", "saturate"]

# Every memory here is never read where it is written in the same cycle, by its schedule.
ANY_RAM = {"no_rw_check": True, "ram_style": "auto"}
BLOCK_RAM = ANY_RAM | {"ram_style": "block"}
DISTRIBUTED_RAM = ANY_RAM | {"ram_style": "distributed"}


def index_shape(count):
    """Shape of an index below ``count``, at least one bit wide."""
    return unsigned(max(1, ceil_log2(count)))


class Event(data.StructLayout):
    """One burst: ``level`` 1..n_max from the neuron ``address``; or the end of a timestep.

    ``size`` is the address space, see :mod:`qblif.hw.layout.addressing`.  ``end`` closes the
    timestep (for a static input: the frame); the other fields are then ignored.
    """

    def __init__(self, size, n_max):
        super().__init__({"address": index_shape(size), "level": range(n_max + 1), "end": 1})


class Issue(data.StructLayout):
    """Control of one accumulation on its way down the pipeline.

    ``valid``: the lanes' addends go to word ``word`` of the sums; ``first`` where no digit has
    ended in this timestep.  ``end``: the sums are complete; ``first`` then says that no event came
    at all.
    """

    def __init__(self, words):
        super().__init__({"valid": 1, "end": 1, "first": 1, "word": index_shape(words)})


class LoadWord(data.StructLayout):
    """One write into a memory of a stage: weight slices are its first banks, biases the next.

    See :class:`qblif.hw.core.weights.WeightMemory`.  ``stages`` adds the field that names the
    stage.
    """

    def __init__(self, *, banks, depth, width, stages=None):
        fields = {"bank": index_shape(banks), "address": index_shape(depth),
                  "data": unsigned(width)}
        super().__init__(fields if stages is None else {"stage": index_shape(stages)} | fields)


class TraceBeat(data.StructLayout):
    """What ``fire_lanes`` neurons did in one timestep: levels and membranes, from ``beat`` on."""

    def __init__(self, population, fire_lanes):
        neuron = population.neuron
        super().__init__({
            "beat": index_shape(beats(population.shape, fire_lanes)),
            "levels": data.ArrayLayout(range(neuron.emit_max + 1), fire_lanes),
            "membranes": data.ArrayLayout(signed(neuron.v_width), fire_lanes),
        })


def pipe(m, value, cycles, name, *, reset=False):
    """``value`` delayed by ``cycles`` clock cycles; registers are called ``name_1``, ``name_2``...

    Only what starts something needs the reset; data that follows it does without.
    """
    for cycle in range(1, cycles + 1):
        register = Signal(value.shape(), name=f"{name}_{cycle}", reset_less=not reset)
        m.d.sync += register.eq(value)
        value = register
    return value


def saturate(value, width):
    """``value`` clamped to a signed field of ``width`` bits."""
    top = value[width - 1:]
    fits = (top == 0) | top.all()
    limit = Mux(value[-1], 1 << width - 1, (1 << width - 1) - 1)
    return Mux(fits, value[:width], limit).as_signed()
