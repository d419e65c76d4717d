"""A pytest plugin: how processes share the tests, with `pytest -n`.

A file is one unit of work, as its tests share what its fixtures made; the files whose tests are
independent and many are several.  The longest units begin, so that no process is left with one when
the others have ended.
"""

import re

import pytest

__all__ = ["order", "unit"]

LONG = ("boards/flow/", "sim/", "api/", "cli/", "boards/", "benchmarks/")  # In this order.
DIVISIBLE = ("hw/test_random_graphs.py", "hw/test_random_networks.py")


def order(nodeid):
    """A key by which long units come before short ones, and divisible ones last."""
    path = nodeid.partition("::")[0].removeprefix("tests/")
    ranks = [k for k, folder in enumerate(LONG) if path.startswith(folder)]
    return min(ranks, default=len(LONG)) + (len(LONG) if path in DIVISIBLE else 0)


def unit(nodeid):
    """What a test shares with those that the same process has to run."""
    path = nodeid.partition("::")[0]
    case = re.search(r"\[(\d+)\]$", nodeid)
    divided = path.removeprefix("tests/") in DIVISIBLE and case
    return f"{path} {int(case[1]) // 8}" if divided else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    if config.getoption("dist") != "load":  # Somebody asks for another way.
        return None

    class ByUnit(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return unit(nodeid)

    config.option.loadscopereorder = False
    return ByUnit(config, log)


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):  # It is one of several processes.
        items.sort(key=lambda item: order(item.nodeid))
