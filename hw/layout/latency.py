"""Latencies of the components, in clock cycles; the cycle model uses the same constants."""

from dataclasses import dataclass, replace

from ...golden.spec import Reset
from ...golden.spec.errors import InvalidValue
from .memories import LUT_ROWS, queue_depth
from .passes import Passes

__all__ = ["COUNT_LATENCY", "LANES_LATENCY", "LEAK_LATENCY", "MEMORY_SUMS_WORDS",
           "NETWORK_READBACK_LATENCY", "STAGE_READBACK_LATENCY", "StageTiming", "charge_latency",
           "reset_cycles", "stage_timing"]

LANES_LATENCY = 4  # From the issue of a digit to its addends.
MEMORY_SUMS_WORDS = 4  # Read, register, add, write: no word is visited again sooner.
SUMS_READ_LATENCY = {"registers": 2, "memory": 4}
SUMS_ADDER_LATENCY = 1  # Adds the currents of several synapses.
LEAK_LATENCY = {"decay": 1, "quadratic": 4}  # Quadratic: index, read, register, add.
TAKEN_LATENCY = 1  # Of what a late reset takes behind the leak, a held one behind the gate.
SYNAPTIC_LATENCY = 1  # Of a synaptic current, which is charged a cycle behind its decay.
NEURON_LATENCY = 4  # Charge, gate, fire, reset.
READOUT_LATENCY = 2  # Charge, gate.
ISSUE_LATENCY = 1  # From a digit's step to its issue: the weight memory's address.
READY_LATENCY = 1  # From the addends of an end to the pulse ``ready``.
HAVE_LATENCY = 1  # From ``ready`` to the counter that starts an update pass.
COMPLETE_LATENCY = ISSUE_LATENCY + LANES_LATENCY + READY_LATENCY + HAVE_LATENCY
MOST_TREE = 2  # Levels of an adder tree over the ports, at most.
START_LATENCY = 1  # From the start of an update pass to its first vector.
RELEASE_LATENCY = 1  # From a pass's last vector to the synapse that may complete another one.
CLASS_LATENCY = 1  # From the last membranes of a frame to its class.
CREDIT_LATENCY = 1  # From a class that is taken to the read-out's credit for another.
DECODE_LATENCY = 1  # Address decode, where a synapse needs tables.
WRITTEN_LATENCY = 2  # Line buffer: from a column's last marker to the window sequencer.
LOOKUP_LATENCY = 3  # Window sequencer: from a segment's issue, through the line buffer's tables.
TOKEN_ROOM = 5  # Tokens that may be under way to the window reader's FIFO.
TOKEN_LATENCY = 1  # From a push to that FIFO's output.
DROP_LATENCY = 1  # From a target row's end at the window reader to the line buffer's release.
READ_LATENCY = 5  # Window reader: from a read of a line buffer to the burst at the expander.
READ_DEPTH = 16  # Bursts under way there, of each port.
FRAMER_LATENCY = 1  # Of the markers' generator at the input.
ENCODER_FETCH = 1  # AER encoder: from a push to the RAM's read,
ENCODER_QUEUE = 1  # to the queue's register,
ENCODER_LOAD = 1  # to the vector whose neurons are picked one a cycle,
ENCODER_PICK = 1  # and from a pick to the event.
STAGE_READBACK_LATENCY = 6  # Load register, address, memory, its register, a tree of two.
NETWORK_READBACK_LATENCY = STAGE_READBACK_LATENCY + 1  # The choice of a stage.
COUNT_LATENCY = 2  # From a result that is taken to the last count of the cycle counter.
QUEUE_VECTORS = 512  # Default depth of an AER encoder's FIFO: one block RAM.
QUEUE_LATENCY = 2  # Push to credit update.


@dataclass(frozen=True)
class StageTiming:
    """What determines the cycles of a stage's update passes.

    ``passes``: their order.  ``read_latency``: from ``read_en`` to the currents, for the slowest
    engine.  ``neuron_latency``.  ``queue``: depth of the AER encoder's FIFO, in vectors.
    """

    passes: Passes
    read_latency: int
    neuron_latency: int
    queue: int

    @property
    def step_latency(self) -> int:
        """From a vector's ``read_en`` to its new membranes."""
        return self.read_latency + self.neuron_latency

    @property
    def least_cycles(self) -> int:
        """Least cycles of a pass, so that a membrane is written before it is read: none where it is
        not, and where other vectors take the time."""
        rows, written = self.passes.state_rows, self.neuron_latency + 2
        return written if 0 < rows < written else 0

    def pass_cycles(self, vectors: int) -> int:
        """Cycles of a pass of so many vectors."""
        return max(vectors, self.least_cycles)

    @property
    def full(self) -> int:
        """Highest FIFO level with credit for one more vector: all in flight may fire."""
        return self.queue - self.least_queue

    @property
    def least_queue(self) -> int:
        """Depth of the shortest FIFO, in vectors: it has room for those in flight."""
        return self.step_latency + QUEUE_LATENCY


def reset_cycles(timings):
    """Cycles of a reset after which no stage remembers anything: registers of data are not reset
    but run empty.  The longest way between two registers that are reset is a digit's to the
    accumulators, or a vector's through the neurons.

    ``timings`` are the :class:`StageTiming` of all stages.
    """
    return max(COMPLETE_LATENCY + MOST_TREE, *(timing.step_latency for timing in timings))


def neuron_latency(neuron):
    """Cycles from :class:`qblif.hw.core.neuron.NeuronCore`'s ``i`` to its ``o``."""
    after = READOUT_LATENCY if neuron.quantiser is None else NEURON_LATENCY
    return (LEAK_LATENCY[neuron.leak.kind] + TAKEN_LATENCY * takes_later(neuron)
            + SYNAPTIC_LATENCY * (neuron.synaptic is not None) + after)


def charge_latency(neuron):
    """Cycles from :class:`qblif.hw.core.neuron.NeuronCore`'s ``i`` to its ``charged``; ``gated`` is
    a cycle later."""
    late = takes_later(neuron) and neuron.reset.kind == "late"
    return (LEAK_LATENCY[neuron.leak.kind] + TAKEN_LATENCY * late
            + SYNAPTIC_LATENCY * (neuron.synaptic is not None) + 1)


def takes_later(neuron):
    """Whether what a burst takes is found in the step after it."""
    return neuron.quantiser is not None and neuron.reset.kind in Reset.OF_WHAT_WAS_LEFT


def _queue_vectors(passes):
    """Vectors that the FIFO of an AER encoder holds by default: two positions.  That of a map fills
    the memory that it takes, as rows of its image are not equally full."""
    wanted = 2 * passes.channel_vectors
    if passes.positions > 1 and wanted > LUT_ROWS:
        return QUEUE_VECTORS
    return min(wanted, QUEUE_VECTORS)


def stage_timing(population, plan, passes, engines):
    """Timing of a population under its :class:`qblif.hw.layout.plan.StagePlan`, with the
    :class:`qblif.hw.layout.engine.Engine` of each source.

    Raises :class:`ValueError` for a queue that cannot hold the vectors under way.
    """
    read_latency = (max(engine.read_latency for engine in engines)
                    + SUMS_ADDER_LATENCY * (len(engines) > 1))
    timing = StageTiming(passes=passes, read_latency=read_latency,
                         neuron_latency=neuron_latency(population.neuron), queue=0)
    least = timing.least_queue
    queue = plan.queue or max(least, _queue_vectors(passes))
    if queue < least:
        raise InvalidValue(f"Population {population.name} must have a queue of at least {least} "
                           f"vectors, not {queue}")
    return replace(timing, queue=queue_depth(queue))
