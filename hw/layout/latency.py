"""Latencies of the components, in clock cycles; the cycle model uses the same constants."""

from dataclasses import dataclass

from ...golden.spec.errors import InvalidValue
from .addressing import beats
from .memories import queue_depth

__all__ = ["COUNT_LATENCY", "LANES_LATENCY", "LEAK_LATENCY", "MEMORY_SUMS_GROUPS",
           "NETWORK_READBACK_LATENCY", "STAGE_READBACK_LATENCY", "StageTiming", "reset_cycles",
           "stage_timing"]

LANES_LATENCY = 4  # From the issue of a digit to its addends.
MEMORY_SUMS_GROUPS = 4  # Read, register, add, write: no word is visited again sooner.
SUMS_READ_LATENCY = {"registers": 2, "memory": 4, "map": 4}
SUMS_ADDER_LATENCY = 1  # Adds the currents of several synapses.
LEAK_LATENCY = {"decay": 1, "quadratic": 4}  # Quadratic: index, read, register, add.
NEURON_LATENCY = 4  # Charge, gate, fire, reset.
READOUT_LATENCY = 2  # Charge, gate.
ISSUE_LATENCY = 1  # From a digit's step to its issue: the weight memory's address.
READY_LATENCY = 1  # From the addends of an end to the pulse ``ready``.
HAVE_LATENCY = 1  # From ``ready`` to the counter that starts an update pass.
COMPLETE_LATENCY = ISSUE_LATENCY + LANES_LATENCY + READY_LATENCY + HAVE_LATENCY
START_LATENCY = 1  # From the start of an update pass to its first vector.
RELEASE_LATENCY = 1  # From a pass's last vector to the synapse that may complete another one.
CLASS_LATENCY = 1  # From the last membranes of a frame to its class.
CREDIT_LATENCY = 1  # From a class that is taken to the read-out's credit for another.
DECODE_LATENCY = 1  # Address decode, where a synapse needs tables.
ENCODER_FETCH = 1  # AER encoder: from a push to the RAM's read,
ENCODER_QUEUE = 1  # to the queue's register,
ENCODER_LOAD = 1  # to the vector whose neurons are picked one a cycle,
ENCODER_PICK = 1  # and from a pick to the event.
STAGE_READBACK_LATENCY = 6  # Load register, address, memory, its register, a tree of two.
NETWORK_READBACK_LATENCY = STAGE_READBACK_LATENCY + 1  # The choice of a stage.
COUNT_LATENCY = 2  # From a result that is taken to the last count of the cycle counter.
QUEUE_BEATS = 512  # Default depth of an AER encoder's FIFO: one block RAM.
QUEUE_LATENCY = 2  # Push to credit update.


@dataclass(frozen=True)
class StageTiming:
    """What determines the cycles of a stage's update passes.

    ``beats``: vectors of ``fire_lanes`` neurons in a pass.  ``read_latency``: from ``read_en`` to
    the currents, for the slowest synapse.  ``neuron_latency``.  ``queue``: depth of the AER
    encoder's FIFO, in vectors.
    """

    beats: int
    read_latency: int
    neuron_latency: int
    queue: int

    @property
    def step_latency(self) -> int:
        """From a vector's ``read_en`` to its new membranes."""
        return self.read_latency + self.neuron_latency

    @property
    def pass_cycles(self) -> int:
        """Cycles of a pass: one per vector, and enough to write a membrane before it is read."""
        return max(self.beats, self.neuron_latency + 2)

    @property
    def full(self) -> int:
        """Highest FIFO level with credit for one more vector: all in flight may fire."""
        return self.queue - self.step_latency - QUEUE_LATENCY


def reset_cycles(timings):
    """Cycles of a reset after which no stage remembers anything: registers of data are not reset
    but run empty.  The longest way between two registers that are reset is a digit's to the
    accumulators, or a vector's through the neurons.

    ``timings`` are the :class:`StageTiming` of all stages.
    """
    return max(COMPLETE_LATENCY, *(timing.step_latency for timing in timings))


def neuron_latency(neuron):
    """Cycles from :class:`qblif.hw.core.neuron.NeuronCore`'s ``i`` to its ``o``."""
    after = READOUT_LATENCY if neuron.quantiser is None else NEURON_LATENCY
    return LEAK_LATENCY[neuron.leak.kind] + after


def stage_timing(population, plan, reaches):
    """Timing of a population under its :class:`qblif.hw.layout.plan.StagePlan`.

    ``reaches`` are the :class:`qblif.hw.layout.scatter.ScatterMap` of its synapses.  Raises
    :class:`ValueError` for a queue that cannot hold the beats under way.
    """
    count = beats(population.shape, plan.fire_lanes)
    read_latency = (max(SUMS_READ_LATENCY[reach.sums] for reach in reaches)
                    + SUMS_ADDER_LATENCY * (len(reaches) > 1))
    latency = neuron_latency(population.neuron)
    least = read_latency + latency + QUEUE_LATENCY
    # With one buffer, events stall during the update pass: it must not wait for the next stage.
    whole = any(reach.banks == 1 for reach in reaches)
    queue = plan.queue or max(least, count if whole else min(2 * count, QUEUE_BEATS))
    if queue < least:
        raise InvalidValue(f"Population {population.name} must have a queue of at least {least} "
                           f"beats, not {queue}")
    return StageTiming(beats=count, read_latency=read_latency, neuron_latency=latency,
                       queue=queue_depth(queue))
