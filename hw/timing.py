"""Latencies that the components have and the cycle model counts on.  No Amaranth here.

All figures are clock cycles.
"""

from dataclasses import dataclass

__all__ = ["LANES_LATENCY", "MEMORY_SUMS_GROUPS", "StageTiming", "stage_timing"]

LANES_LATENCY = 4  # From the issue of a digit to its addends.
MEMORY_SUMS_GROUPS = 4  # Read, add, write: a sum must not come again sooner.
SUMS_READ_LATENCY = {"registers": 2, "memory": 4}
NEURON_LATENCY = 5  # Leak, charge, gate, fire, reset.
READOUT_LATENCY = 3  # Leak, charge, gate.


@dataclass(frozen=True)
class StageTiming:
    """What of a stage's plan decides its cycles.

    ``groups`` of ``lanes`` targets a digit; ``beats`` of ``fire_lanes`` neurons a fire pass;
    ``passes`` over one timestep's sums; ``read_latency`` of the sums; ``neuron_latency``.
    """

    groups: int
    beats: int
    passes: int
    read_latency: int
    neuron_latency: int

    @property
    def step_latency(self):
        """From a beat's slot in the pass to its new membranes."""
        return self.read_latency + self.neuron_latency

    @property
    def pass_cycles(self):
        """Slots of a pass: one a beat, and so many that no membrane is read before its write."""
        return max(self.beats, self.neuron_latency + 2)


def sums_kind(groups):
    """Where the sums of so many groups lie."""
    return "registers" if groups < MEMORY_SUMS_GROUPS else "memory"


def neuron_latency(neuron):
    """Cycles from :class:`qblif.hw.neuron.Neuron`'s ``i`` to its ``o``."""
    return READOUT_LATENCY if neuron.quantiser is None else NEURON_LATENCY


def stage_timing(network, population, plan):
    """Timing of ``population`` of ``network`` under its :class:`qblif.hw.plan.StagePlan`."""
    synapse, = network.synapses_to(population.name)
    static = synapse.source == network.input.name and network.input.static
    groups = -(-population.size // plan.lanes)
    return StageTiming(
        groups=groups, beats=-(-population.size // plan.fire_lanes),
        passes=network.timesteps if static else 1,
        read_latency=SUMS_READ_LATENCY[sums_kind(groups)],
        neuron_latency=neuron_latency(population.neuron))
