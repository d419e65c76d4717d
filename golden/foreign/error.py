"""How far a membrane of shifted integers can be from the one that a framework has."""

from dataclasses import dataclass

from ..spec import Decay

__all__ = ["Rounded", "membrane_error"]


@dataclass(frozen=True)
class Rounded:
    """A :class:`~qblif.golden.spec.Decay` in place of the ``real`` factor."""

    decay: Decay
    real: float

    def kept(self, magnitude, above, below):
        """Error above and below of what is kept of a value of at most ``magnitude``, which was off
        by ``above`` and ``below``: each shift loses less than a unit, and the factor its own."""
        off = abs(self.decay.factor - self.real) * magnitude
        return (self.decay.factor * above + _lost(self.decay.subtract) + off,
                self.decay.factor * below + _lost(self.decay.add) + off)


def membrane_error(leak, synaptic, largest, constant, timesteps):
    """Largest error of a membrane after the last timestep, in units.

    Parameters
    ----------
    leak : :class:`Rounded`
    synaptic : :class:`Rounded` or ``None``
    largest : the largest magnitude of a timestep's current
    constant : what is taken from every timestep's current
    timesteps : int
    """
    current, current_above, current_below = largest, 0.0, float(constant)
    membrane = above = below = 0.0
    for _ in range(timesteps - 1):
        membrane = leak.decay.factor * membrane + current
        if synaptic is not None:
            current_above, current_below = synaptic.kept(current, current_above, current_below)
            current_below += constant
            current = synaptic.decay.factor * current + largest
        above, below = leak.kept(membrane, above, below)
        above, below = above + current_above, below + current_below
    return max(above, below)


def _lost(shifts):
    return sum(1 - 2.0**-k for k in shifts)
