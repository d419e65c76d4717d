"""Fields of :class:`qblif.golden.training.config.TrainConfig` that check their own values."""

from dataclasses import field
from typing import Any

from ..spec.checks import as_tuple, check_int, check_real, check_type
from ..spec.errors import InvalidType, InvalidValue

__all__ = ["check_flip", "check_range", "check_validation", "checked", "each", "integer", "of_type",
           "one_of", "real"]


def checked(default, check) -> Any:
    """A field of a dataclass whose value ``check`` refuses where it must."""
    return field(default=default, metadata={"check": check})


def integer(default, what, low, high=None):
    """An integer; with a default of ``None`` that too."""
    return checked(default, lambda value: value is default is None
                    or check_int(what, value, low, high))


def each(default, what, low, high):
    """A tuple of integers, one a population; or one integer for all, where ``default`` is one."""
    def check(value):
        one = isinstance(default, int) and not isinstance(value, tuple)
        values = (value,) if one else as_tuple(what, value)
        if not values:
            raise InvalidValue(f"{what} must be given of at least one population, not ()")
        for size in values:
            check_int(what, size, low, high)

    return checked(default, check)


def real(default, what, low, high):
    return checked(default, lambda value: check_real(what, value, low, high))


def one_of(names, default, what):
    def check(value):
        if value not in names:
            raise InvalidValue(f"{what} must be one of {', '.join(filter(None, names))}, "
                               f"not {value!r}")

    return checked(default, check)


def of_type(kind, default, what):
    return checked(default, lambda value: check_type(what, value, kind))


def check_flip(value):
    if not isinstance(value, bool | tuple):
        raise InvalidType(f"Flip of events must be true, false or a list of labels, not {value!r}")
    for label in value if isinstance(value, tuple) else ():
        check_int("Label whose events may be flipped", label, 0)


def check_validation(value):
    if isinstance(value, float):
        check_real("Share of validation images", value, 0, 0.99)
    else:
        check_int("Validation images", value, 0)


def check_range(value):
    for bound in as_tuple("Range of gamma", value):
        check_real("Bound of gamma", bound, 1e-6, 1e6)
    if value and (len(value) != 2 or value[0] > value[1]):
        raise InvalidValue(f"Range of gamma must be (least, most), or empty, not {value!r}")
