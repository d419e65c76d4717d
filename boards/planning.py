"""From what a user asks for to a plan: lanes as a number, one a stage, a device to fill, or the
plan of a bitstream."""

from pathlib import Path

from ..golden.spec.checks import check_real
from ..golden.spec.errors import InvalidValue
from ..hw.layout.plan import make_plan, read_lanes, read_plan
from .allocate import FILL, Allocator
from .devices import DEVICES

__all__ = ["plan_for"]


def plan_for(trained, lanes, burst="shift", quantiser=None, order="inner"):
    """The :class:`~qblif.hw.layout.plan.Plan` of a trained network.

    ``lanes`` is a number for the busiest stage, a sequence of one number a stage, or either as
    text (``"128,10"``; ``"4x2,16"`` where the first adds two events at once); or the name of a
    device, for the fastest plan that should fit it, of maps in the share of its LUTs behind a colon
    (``"ecp5-85k:0.5"``, by default :data:`~qblif.boards.allocate.FILL`); or the path of a
    ``build.json``, for the plan of that bitstream, whatever the other arguments say.

    ``order`` is one of :data:`qblif.hw.layout.passes.ORDERS`.

    Raises :class:`~qblif.golden.spec.errors.InvalidValue` for other text, where no plan fits the
    device, and for a file that is missing, damaged or of another network.
    """
    activity = trained.activity
    name, _, share = str(lanes).partition(":")
    if name in DEVICES:
        return _fill(trained.spec, name, share, activity, burst, quantiser, order)
    if isinstance(lanes, str) and lanes.endswith(".json"):
        return read_plan(Path(lanes), trained.spec, "the build.json of a bitstream")[0]
    lanes, ports = read_lanes(lanes) if isinstance(lanes, str) else (lanes, ())
    return make_plan(trained.spec, lanes=lanes, ports=ports, activity=activity, burst=burst,
                     quantiser=quantiser, order=order)


def _fill(spec, name, share, activity, burst, quantiser, order):
    """The fastest plan that a device should hold, or such a share of it, as text."""
    try:
        fill = float(share or FILL)
    except ValueError:
        raise InvalidValue(f"Share of {name}'s LUTs must be a number, not {share!r}") from None
    check_real(f"Share of {name}'s LUTs", fill, 0.01, 1)
    allocator = Allocator(spec, DEVICES[name], activity, burst=burst, quantiser=quantiser,
                          order=order, fill=fill)
    plan = next(allocator.plans(), None)
    if plan is None:
        raise InvalidValue(f"The network does not fit {name}: it needs {allocator.smallest()[1]}")
    return plan
