"""The leak in real numbers, with its slope: what the float network computes and trains through.

The integer twin is :mod:`qblif.golden.spec.leak`.  ``U`` is a float tensor of any shape; gamma
makes one level: a number, or a tensor of one.
"""

from typing import Any

from torch import Tensor

__all__ = ["leak_at_rest", "leak_real", "leak_slope"]


def leak_real(leak, U, gamma: Any = 1.0) -> Tensor:
    """Membrane after the leak, of U's shape; gamma is a number or a tensor."""
    return LEAKS[leak.kind][0](leak, U, gamma)


def leak_slope(leak, U, gamma: Any = 1.0):
    """Derivative of :func:`leak_real`: a number, or of U's shape."""
    return LEAKS[leak.kind][1](leak, U, gamma)


def leak_at_rest(leak) -> float:
    """What :func:`leak_real` makes of 0, in levels."""
    if leak.kind != "quadratic":
        return 0.0
    a, u1, u2 = leak.parameters
    return a * u1 * u2


def _quadratic(leak, U, gamma):
    a, u1, u2 = leak.parameters
    u = _clipped(leak, U / gamma)
    return U + gamma * a * (u - u1) * (u - u2)


def _quadratic_slope(leak, U, gamma):
    a, u1, u2 = leak.parameters
    u = _clipped(leak, U / gamma)
    return 1 + a * (2 * u - u1 - u2) * (u * gamma == U)


def _clipped(leak, u):
    eighth = 1 << leak.FRACTION
    return u.clamp(leak.X_MIN / eighth, leak.X_MAX / eighth)


# By kind: the leak and its slope.
LEAKS = {
    "decay": (lambda leak, U, gamma: leak.factor * U, lambda leak, U, gamma: leak.factor),
    "quadratic": (_quadratic, _quadratic_slope),
}
