"""Verilator's runtime library, compiled once for all builds of the same options.

To compile it takes three quarters of the time of a small network's build.
"""

import re

__all__ = ["runtime_library"]

LIBRARY = "libverilated.a"


def runtime_library(cache, made_of, classes, make, call):
    """Path of the library that a design which is translated to C++ links with.

    Parameters
    ----------
    cache : :class:`qblif.sim.build_cache.BuildCache`
    made_of : the strings that tell it from one of other versions and options
    classes : the makefile in which Verilator lists what it made and what that needs
    make : ``make(*targets)`` in the folder of that makefile
    call : ``call(*command)``, likewise
    """
    text = classes.read_text()
    switches = re.findall(r"^VM_(?!PARALLEL)\w+ = .+$", text, re.MULTILINE)
    lists = re.findall(r"^VM_GLOBAL_\w+ \+= \\\n((?:  \w+ \\\n)*)", text, re.MULTILINE)
    objects = [f"{name}.o" for name in re.findall(r"\w+", "".join(lists))]

    def compile_into(folder):
        make(*objects)
        call("ar", "rcs", folder / LIBRARY, *objects)

    return cache.get("verilator-runtime", [*made_of, *switches, *objects], [], LIBRARY,
                     compile_into).folder / LIBRARY
