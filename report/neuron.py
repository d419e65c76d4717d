"""The part of a report that follows one neuron through one frame, timestep by timestep."""

import numpy as np
import torch

from ..golden import integer
from ..golden.neuron_trace import find_neuron, neuron_trace

__all__ = ["describe_neuron"]


def describe_neuron(trained, frame, name=None):
    """A neuron's current, membrane and level in each timestep of a frame.

    ``frame`` are input levels, ``(inputs,)`` or ``(timesteps, inputs)``.  Without a ``name``, as
    :func:`qblif.golden.neuron_trace.find_neuron` takes it, it is the neuron of the first population
    that fires in the most timesteps; of those, the first whose levels are the largest in sum.
    ``charged`` is the membrane that is compared with the thresholds, ``left`` what remains after
    the reset.
    """
    spec, frame = trained.spec, np.asarray(frame)
    trace = integer.run(trained, frame[None])
    if name is None:
        population = spec.populations[0]
        levels = trace.levels[population.name][:, 0].to(torch.int64)
        most = spec.timesteps * (population.emit_max or 0) + 1
        index = int(((levels > 0).sum(0) * most + levels.sum(0)).argmax())
    else:
        found, index = find_neuron(spec, name)
        population = spec.source(found)
    sent = {spec.input.name: np.broadcast_to(frame, (spec.timesteps, spec.input.size))} | {
        source: levels[:, 0].numpy() for source, levels in trace.levels.items()}
    steps = neuron_trace(trained, sent, population.name, index)
    quantiser, held = population.neuron.quantiser, population.neuron.reset.kind == "held"
    return {"population": population.name, "index": index, "class": int(trace.classes[0]),
            "thresholds": [] if quantiser is None else [
                {"level": level, "membrane": level * quantiser.theta - quantiser.offset}
                for level in quantiser.levels if level],
            "current": [step["current"] for step in steps],
            "charged": [step.get("gate", step["charge"]) - held * step.get("taken", 0)
                        for step in steps],
            "levels": [step.get("level", 0) for step in steps],
            "left": [step["membrane"] for step in steps]}
