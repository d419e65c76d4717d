"""From float layers under one reading to the integers of our network, exactly or not at all.

Each population counts its membrane in units of ``2**-bits``, in which its weights, bias and
threshold are integers.  The four steps, and why each is exact:

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

A decay that is no sum of shifts is rounded to one, and where ``k (T - 1)`` bits do not fit, as many
as fit are taken; the largest error of a membrane is then one of the result's remarks.
"""

from dataclasses import dataclass

import numpy as np

from ..spec import Dense, Input, Network, Neuron, Population, Reset, as_map
from ..spec.artifact import Trained
from ..training.export import signed_width
from .exact_layer import ExactLayer, ExactStage

__all__ = ["Converted", "convert"]


@dataclass(frozen=True, eq=False)
class Converted:
    """The network, and a sentence for each thing that is not proven to be exact."""

    trained: Trained
    remarks: tuple[str, ...]


def convert(chain, readings, timesteps, input_n_max=1, approximate=False, notes=None,
            static=False) -> Converted:
    """The :class:`~qblif.golden.spec.artifact.Trained` that does what ``chain`` does under
    ``readings``, one for each neuron layer, in ``timesteps`` from input levels 0..``input_n_max``.

    ``static`` inputs are one frame of levels for all timesteps.
    A last layer that fires on a map is followed by a read-out that counts its levels, as a
    network's last population is flat; any other is that population.  With ``approximate`` weights,
    thresholds and decays are rounded where they have no exact form.
    Raises :class:`ValueError` that names the value which does not fit, and what would.
    """
    stages, remarks, most = [], [], input_n_max
    for layer, reading in zip(chain.layers, [*readings, None], strict=False):
        work = ExactLayer(layer, reading, timesteps, most, approximate)
        stages.append(work.stage())
        remarks += work.remarks
        most = stages[-1].population.emit_max
    flat = as_map(stages[-1].population.shape)[1:] == (1, 1)
    if chain.layers[-1].node is not None and not flat:
        stages.append(_counter(stages[-1].population, timesteps))
    spec = Network(timesteps=timesteps, populations=tuple(s.population for s in stages),
                   synapses=tuple(synapse for s in stages for synapse, _ in s.parts),
                   input=Input(shape=chain.input_shape, n_max=input_n_max, static=static))
    trained = Trained(spec, {synapse.name: weight for s in stages for synapse, weight in s.parts},
                      {s.population.name: s.bias for s in stages if s.population.bias_width},
                      notes or {})
    return Converted(trained, tuple(remarks))


def _counter(before, timesteps):
    """A read-out that counts the levels of ``before``."""
    high = before.emit_max
    neuron = Neuron(quantiser=None, reset=Reset(kind="none"),
                    v_width=signed_width(0, high * timesteps))
    count = Dense(source=before.name, target="output", w_width=2)
    return ExactStage(Population(name="output", shape=(before.size,), neuron=neuron,
                                 sum_width=signed_width(0, high)),
                      ((count, np.eye(before.size, dtype=np.int32)),),
                      np.zeros(before.size, np.int32))
