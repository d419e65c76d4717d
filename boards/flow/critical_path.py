"""The longest path of a placed design: its cells, nets and delays."""

import re
from dataclasses import dataclass

__all__ = ["Step", "CriticalPath", "longest_path"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One piece of a path: ``kind`` is clock-to-out, routing, logic or setup; ``ns`` its delay.

    ``cell`` and ``type`` name the cell at its end; ``net`` and ``fanout`` say what a routing piece
    carries, and to how many inputs.
    """

    kind: str
    ns: float
    cell: str
    type: str
    net: str = ""
    fanout: int = 0


@dataclass(frozen=True, kw_only=True)
class CriticalPath:
    """The register-to-register path that sets Fmax."""

    steps: tuple[Step, ...]

    @property
    def ns(self) -> float:
        return sum(step.ns for step in self.steps)

    @property
    def routing_ns(self) -> float:
        return sum(step.ns for step in self.steps if step.kind == "routing")

    @property
    def logic_ns(self) -> float:
        return self.ns - self.routing_ns

    @property
    def source(self) -> Step:
        return self.steps[0]

    @property
    def sink(self) -> Step:
        return self.steps[-1]

    @property
    def lut_levels(self) -> int:
        """LUTs passed, without the bits of carry chains."""
        return sum(step.kind == "logic" and step.type == "LUT" for step in self.steps)

    @property
    def carry_bits(self) -> int:
        """Bits of carry chains passed."""
        return sum(step.kind == "logic" and step.type == "carry" for step in self.steps)

    @property
    def slowest_net(self) -> Step | None:
        """The routing step with the greatest delay; ``None`` if there is no routing."""
        return max((s for s in self.steps if s.kind == "routing"), key=lambda s: s.ns, default=None)

    def in_words(self) -> str:
        """From where to where, through what, and the slowest net."""
        return " ".join(filter(None, (self._ends(), self._through(), self._slowest())))

    def _ends(self):
        return (f"The longest path takes {self.ns:.1f} ns, from {self.source.type} "
                f"{self.source.cell} to {self.sink.type} {self.sink.cell}.")

    def _through(self):
        parts = [f"{self.source.ns:.1f} ns clock-to-out"]
        if self.lut_levels:
            parts.append(f"{self.lut_levels} LUT level{'s' * (self.lut_levels > 1)}")
        if self.carry_bits:
            parts.append(f"a carry chain of {self.carry_bits} bits")
        if len(parts) == 1:
            parts.append("no logic")
        return (f"It passes {', '.join(parts)}: {self.logic_ns:.1f} ns in cells and "
                f"{self.routing_ns:.1f} ns in routing.")

    def _slowest(self):
        net = self.slowest_net
        return net and (f"The slowest net, {net.net}, takes {net.ns:.1f} ns to {net.fanout} "
                        f"input{'s' * (net.fanout != 1)}.")


_KINDS = {"clk-to-q": "clock-to-out", "routing": "routing", "logic": "logic", "setup": "setup"}


def longest_path(report, fanout, names):
    """The path that sets Fmax, from the placer's report; ``None`` if no path has two registers.

    Parameters
    ----------
    report : dict
        The placer's JSON report.
    fanout : dict
        Name of a net -> inputs that it drives.
    names : :class:`qblif.boards.families.family.PathNames`
    """
    paths = [path["path"] for path in report["critical_paths"]
             if "async" not in path["from"] and "async" not in path["to"]]
    paths = [CriticalPath(steps=tuple(_steps(path, fanout, names))) for path in paths if path]
    return max(paths, key=lambda path: path.ns, default=None)


def _steps(path, fanout, names):
    for i, piece in enumerate(path):
        end, net = piece["to"], piece.get("net", "")
        yield Step(kind=_KINDS.get(piece["type"], "logic"), ns=piece["delay"], net=net,
                   cell=_readable(end["cell"], names),
                   type=_type(piece, i in (0, len(path) - 1), names), fanout=fanout.get(net, 0))


def _type(piece, at_end, names):
    """Type of the cell at the end of a piece; the first and the last are registers or memories."""
    port, cell = piece["to"]["port"], piece["to"]["cell"]
    if re.fullmatch(names.block_ram, port):
        return "block RAM"
    if re.fullmatch(names.spram, port):
        return "single-port RAM"
    if piece["type"] == "logic" and any(re.fullmatch(names.carry_port, piece[end]["port"])
                                        for end in ("from", "to")):
        return "carry"
    if at_end:
        return "register"
    return "carry" if re.search(names.carry_cell, cell) else "LUT"


def _readable(cell, names):
    """The hierarchical signal or instance that a mapped cell was named after."""
    cell = re.sub(names.suffix, "", cell)
    return re.sub(r"\$\d+(?=$|\[)", "", cell)
