"""How much of a device a design takes, by the mapped netlist, the placer's report and its log."""

import re

from ..families.family import KINDS
from .tools import DoesNotFit, SynthError

__all__ = ["WORDS", "used_cells", "refuse_mapped", "refuse_unplaced"]

WORDS = {"lut": "LUTs", "ff": "flip-flops", "bram": "block RAMs", "dsp": "DSP blocks",
         "spram": "SPRAM blocks", "lut_ram": "distributed RAMs"}

_LOG_LINE = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s", re.MULTILINE)


def used_cells(report, placer, mapped):
    """Kind -> cells, as the placer counts them, or as mapped where it does not count them apart.

    Parameters
    ----------
    report : dict
        The placer's JSON report.
    placer : :class:`qblif.boards.families.family.Placer`
    mapped : Counter
        Of :func:`qblif.boards.flow.netlist.count`.

    Raises
    ------
    SynthError
        The report lacks a kind of cell that the design has.
    """
    found = {}
    for kind in KINDS:
        names = [name for name, its in placer.cells.items() if its == kind]
        rows = [report["utilization"][name] for name in names if name in report["utilization"]]
        if names and not rows and mapped[kind]:
            raise SynthError(f"The placer's report has no row {' or '.join(names)}")
        found[kind] = sum(row["used"] for row in rows) if names else mapped[kind]
    return found


def refuse_mapped(title, mapped, device):
    """Raise :class:`DoesNotFit` if the mapped cells are more than ``device`` has.

    LUTs are left to the placer, which packs them with other logic.
    """
    _refuse(title, [(WORDS[kind], mapped[kind], getattr(device, kind))
                    for kind in KINDS if kind != "lut"])


def refuse_unplaced(title, log, placer):
    """Raise :class:`DoesNotFit` if the placer's log says that the design is too large."""
    words = (placer.words or {})
    _refuse(title, [(words.get(name) or WORDS.get(placer.cells.get(name), name), int(used),
                     int(available)) for name, used, available in _LOG_LINE.findall(log)])
    if re.search(placer.no_room, log):
        raise DoesNotFit(f"The placer found no room on {title} for all cells")


def _refuse(title, rows):
    too_many = [f"{used} of {available} {words}" for words, used, available in rows
                if used > available]
    if too_many:
        raise DoesNotFit(f"The design does not fit {title}: it needs {', '.join(too_many)}")
