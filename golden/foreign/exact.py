"""From float layers under one reading to the integers of our network, exactly or not at all.

Each population counts its membrane in units of ``2**-bits``, in which its weights, bias and
threshold are integers.  The steps, and why each is exact:

* **Input gain.**  Membrane, bias and threshold may all be divided by the same number.  So the gain
  of the input, and the factor of an average pool, go into threshold and bias, never into weights.
* **Leak.**  A decay that is a sum of shifts of at most k bits is exact where the membrane is a
  multiple of ``2**k`` units.  A membrane of timestep t was decayed t - 1 times, so with
  ``k (T - 1)`` bits below the weights' own every shift of T timesteps is exact.
* **Synaptic current.**  It decays as the membrane does: what reaches timestep t was decayed t - 1
  times in all, by either factor, so that the longer of both shifts counts.
* **v > threshold.**  A constant 1 is taken from the bias, so that the membrane is ``v - d`` with
  ``d = 1 - leak(-d)``, the same for all inputs, and through a synaptic current too.  Where
  ``1 <= d <= 2**extra`` in every timestep (computed here) and v and threshold are multiples of
  ``2**extra``, ``v - d >= threshold`` is ``v > threshold``.  A reset by subtraction keeps d; one
  to zero starts it again.
* **Levels without bound.**  After a burst less than a threshold is left, so the largest level is
  at most ``(decay threshold + largest current) / threshold``.
* **The read-out** sums a last Linear over the timesteps.  A last layer that fires has none where it
  is flat: its scores are the sums of its levels.  Otherwise a read-out counts them, with weights
  of 1 on a diagonal.

A decay that is no sum of shifts is rounded to one, and where ``k (T - 1)`` bits do not fit, as many
as fit are taken; the largest error of a membrane is then one of the result's remarks.
"""

from dataclasses import dataclass

from ..spec import Input, Network
from ..spec.artifact import Trained
from .exact_layer import ExactLayer

__all__ = ["Converted", "convert"]


@dataclass(frozen=True, eq=False)
class Converted:
    """The network, and a sentence for each thing that is not proven to be exact."""

    trained: Trained
    remarks: tuple[str, ...]


def convert(graph, readings, timesteps, input_n_max=1, approximate=False, notes=None,
            static=False) -> Converted:
    """The :class:`~qblif.golden.spec.artifact.Trained` that does what ``graph`` does under
    ``readings``, one for each neuron layer, in ``timesteps`` from input levels 0..``input_n_max``.

    ``static`` inputs are one frame of levels for all timesteps.  With ``approximate`` weights,
    thresholds and decays are rounded where they have no exact form.
    Raises :class:`ValueError` that names the value which does not fit, and what would.
    """
    work = [ExactLayer(layer, reading, timesteps, approximate)
            for layer, reading in zip(graph.layers, [*readings, None], strict=False)]
    largest = _largest_levels(work, timesteps, input_n_max)
    stages = [layer.stage(largest) for layer in work]
    spec = Network(timesteps=timesteps, populations=tuple(s.population for s in stages),
                   synapses=tuple(synapse for s in stages for synapse, _ in s.parts),
                   input=Input(shape=graph.input_shape, n_max=input_n_max, static=static))
    trained = Trained(spec, {synapse.name: weight for s in stages for synapse, weight in s.parts},
                      {s.population.name: s.bias for s in stages if s.population.bias_width},
                      notes or {})
    return Converted(trained, tuple(remark for layer in work for remark in layer.remarks))


def _largest_levels(work, timesteps, input_n_max):
    """The largest level of the input and of each population, by name.  In a loop each timestep's
    follows from the one before."""
    largest = {Input.name: input_n_max} | {layer.name: 0 for layer in work}
    for _ in range(timesteps):
        before = dict(largest)
        for layer in work:
            largest[layer.name] = layer.largest_level(largest)
        if largest == before:
            break
    return largest
