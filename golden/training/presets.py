"""Systems of the family by name: each is one neuron, a point in leak x quantiser x reset.

A preset is what it changes of a :class:`~qblif.golden.training.config.TrainConfig`; topology and
recipe stay as they are.  A new system is an entry here, and where it needs a leak, a spacing of
levels or a reset that does not exist yet, a case of that axis in :mod:`qblif.golden.spec.axes` or
:mod:`qblif.golden.spec.leak` (with its float twin, :mod:`qblif.golden.training.leak`) and one in
``hw`` (``docs/neurons.md`` adds one as an example).
"""

from dataclasses import replace

from ..spec.errors import InvalidValue

__all__ = ["PRESETS", "with_preset"]

# A threshold that is subtracted starts at 1, with currents of a few thresholds; from 4 on it grew
# without end in our trials.
SUBTRACT = {"reset_kind": "subtract", "gamma": 1.0, "gain": 4.0}
FIXED = {**SUBTRACT, "learn_gamma": False, "surrogate": "rectangular"}

PRESETS = {
    # arXiv:2604.25688: the defaults of TrainConfig, reset gate of eq. 8, ReLSG-ET of eq. 12.
    "qb-lif": {},
    # A variant in circulation: a burst takes what it stands for from the membrane.  tau = 2.
    "qb-lif-v2": {"beta": 0.5, **SUBTRACT},
    # The same as its text's code has it: at most 4 levels, of which 1 leaves, a threshold of 1.
    "qb-lif-v2-sketch": {"beta": 0.5, "n_max": 4, "output": "binary", **SUBTRACT},
    # arXiv:2605.01866: levels 0 and powers of two, each one shifted addition a synapse.
    "shift-lif": {"beta": 0.5, "spacing": "powers", "n_max": 16, **SUBTRACT},
    # The same as its text's code has it: a uniform grid of 4 levels, rounding to the nearest, a
    # scale that starts at 1/2 and stays within 2**-8 and 1, its own surrogate.  Ours: the gain.
    "shift-lif-sketch": {"beta": 0.5, "n_max": 3, "rounding": "nearest", "surrogate": "mid-level",
                         "reset_kind": "subtract", "gamma": 0.5, "gamma_range": (2**-8, 1.0),
                         "gain": 1.0},
    # arXiv:2510.05168: quadratic leak with the parameters of its first figure, binary, hard reset.
    "qif": {"leak_kind": "quadratic", "a": 0.25, "u1": 0.0, "u2": 0.5, "reset_kind": "zero",
            "n_max": 1, "surrogate": "quadratic-window", "gamma": 1.0, "gain": 1.0},
    # The paper's baselines: fixed threshold, reset by subtraction, one classical window a level.
    "i-lif": FIXED,
    "lif": {"n_max": 1, **FIXED},
}


def with_preset(config, name):
    """``config`` with the neuron called ``name``; :class:`ValueError` for a name there is not."""
    if name not in PRESETS:
        raise InvalidValue(f"Neuron must be one of {', '.join(PRESETS)}, not {name!r}")
    return replace(config, **PRESETS[name])
