"""Checks of what users hand in: one sentence that names the value and what was allowed."""

import math

from .errors import InvalidType, InvalidValue

__all__ = ["as_tuple", "check_figure", "check_int", "check_name", "check_real", "check_shape",
           "check_type"]


def check_int(what, value, low, high=None):
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidType(f"{what} must be an integer, not {value!r}")
    if high is None and value < low:
        raise InvalidValue(f"{what} must be at least {low}, not {value}")
    if high is not None and not low <= value <= high:
        raise InvalidValue(f"{what} must be in {low}..{high}, not {value}")


def check_figure(what, value):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise InvalidValue(f"{what} must be a number of at least 0, not {value!r}")


def check_real(what, value, low, high):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidType(f"{what} must be a number, not {value!r}")
    if not math.isfinite(value) or not low <= value <= high:
        raise InvalidValue(f"{what} must be in {low}..{high}, not {value}")


def check_thresholds(values):
    """Pixels from which on a thermometer code has a 1, as a tuple."""
    values = as_tuple("Input thresholds", values)
    for value in values:
        check_int("Input threshold", value, 1, 255)
    if list(values) != sorted(set(values)):
        raise InvalidValue(f"Input thresholds must be in ascending order, not {values}")
    return values


def check_name(what, value):
    if not isinstance(value, str):
        raise InvalidType(f"{what} must be a string, not {value!r}")
    if not value.isidentifier() or not value.isascii():
        raise InvalidValue(f"{what} must be an identifier (a-z, 0-9, _), not {value!r}")


def check_type(what, value, kind):
    """``kind`` is a class, or a tuple of classes."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds):
        raise InvalidType(f"{what} must be a {' or a '.join(k.__name__ for k in kinds)}, "
                          f"not {value!r}")


def as_tuple(what, value):
    if not isinstance(value, (tuple, list)):
        raise InvalidType(f"{what} must be a tuple or a list, not {value!r}")
    return tuple(value)


def check_shape(what, shape):
    if not shape:
        raise InvalidValue(f"{what} shape must have at least one axis")
    for extent in shape:
        check_int(f"{what} extent", extent, 1, 1 << 20)
