"""Operations of a trained network, and their energy by the paper's Table 6 (arXiv:2604.25688).

Counted from a :class:`qblif.golden.study.analysis.Census`.  The hardware's own counters give the
same operations: :mod:`qblif.sim.operations`.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..activity import fan_out
from ..spec.burst import MODES, digits

__all__ = ["Energy", "SynapseCost", "energies", "synapse_costs"]

FLOP, SOP, SIGN = 12.5e-12, 77e-15, 3.7e-12  # Joules: Table 6's prices.


@dataclass(frozen=True, kw_only=True)
class SynapseCost:
    """What one synapse was asked to do, over all frames of a census.

    ``sops[mode]`` are additions of a weight to a target, by burst mode: ``repeat`` takes s of
    them for a level of s (eq. 10 as written), ``shift`` its digits.  ``macs`` are the
    multiply-accumulates if its source sent real numbers instead: one a target and source that
    meet, zero or not, where a pooled place is one source; once a frame from a static input.
    """

    name: str
    from_input: bool
    events: int
    macs: int
    sops: dict[str, int]


def synapse_costs(spec, census):
    """A :class:`SynapseCost` for each synapse, in the network's order."""
    return [_cost(spec, synapse, census) for synapse in spec.synapses]


def _cost(spec, synapse, census):
    source, recurrent = spec.source(synapse.source), spec.recurrent(synapse)
    counts = (census.late if recurrent else census.counts)[synapse.source]
    targets = fan_out(spec, synapse).astype(np.int64)
    from_input = source is spec.input
    times = census.frames * (1 if from_input and spec.input.static
                             else spec.timesteps - recurrent)
    return SynapseCost(
        name=synapse.name, from_input=from_input,
        events=int(counts[[level > 0 for level in source.levels]].sum()),
        macs=times * int(targets.sum()) // math.prod(synapse.pool),
        sops={mode: int(np.array([len(digits(level, mode)) for level in source.levels])
                        @ counts @ targets) for mode in MODES})


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Operations and what they cost at Table 6's prices, which are no FPGA's."""

    name: str
    flops: int
    sops: int
    signs: int

    @property
    def joules(self):
        """``12.5 pJ * flops + 77 fJ * sops + 3.7 pJ * signs``."""
        return FLOP * self.flops + SOP * self.sops + SIGN * self.signs


def energies(costs, layers):
    """Three :class:`Energy` of one census: our reading of Table 6, and a first layer of bursts.

    The paper's first layer multiplies real-valued pixels.  Ours takes pixels as bursts, so it has
    synaptic operations like every other; they are given for both burst modes.  A sign is a
    neuron-timestep that fires; pixels are no neurons.
    """
    signs = sum(layer.firing for layer in layers if layer.theta is not None)
    return [
        Energy(name="paper", flops=sum(c.macs for c in costs if c.from_input), signs=signs,
               sops=sum(c.sops["repeat"] for c in costs if not c.from_input)),
        *(Energy(name=mode, flops=0, sops=sum(c.sops[mode] for c in costs), signs=signs)
          for mode in ("repeat", "shift"))]
