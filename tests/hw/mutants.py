"""Components with one rule broken in their source, which their tests must reject."""

import inspect
from types import ModuleType

__all__ = ["mutant"]


def mutant(part, old, new):
    """The class or function ``part`` of a module in whose source ``new`` replaces ``old``, which
    must be there once."""
    module = inspect.getmodule(part)
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{module.__name__} has {old!r} {source.count(old)} times"
    changed = ModuleType(module.__name__)
    changed.__package__ = module.__package__
    exec(compile(source.replace(old, new), f"{module.__file__} (mutant)", "exec"), vars(changed))
    return getattr(changed, part.__name__)
