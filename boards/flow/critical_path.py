"""The longest path of a placed design, in words that a designer understands."""

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

    steps: tuple

    @property
    def ns(self):
        return sum(step.ns for step in self.steps)

    @property
    def routing_ns(self):
        return sum(step.ns for step in self.steps if step.kind == "routing")

    @property
    def logic_ns(self):
        return self.ns - self.routing_ns

    @property
    def source(self):
        return self.steps[0]

    @property
    def sink(self):
        return self.steps[-1]

    @property
    def lut_levels(self):
        """LUTs passed, without the bits of carry chains."""
        return sum(step.kind == "logic" and step.type == "LUT" for step in self.steps)

    @property
    def carry_bits(self):
        """Bits of carry chains passed."""
        return sum(step.kind == "logic" and step.type == "carry" for step in self.steps)

    def in_words(self):
        """Three sentences: from where to where, through what, and what bounds it."""
        return f"{self._ends()} {self._through()} {self.bound()}"

    def bound(self):
        """One sentence on what to change for a higher Fmax."""
        worst = max((s for s in self.steps if s.kind == "routing"), key=lambda s: s.ns,
                    default=None)
        if self.source.type == "block RAM" and self.source.ns > max(self.ns / 3, 2):
            return (f"Bound by the block RAM: {self.source.ns:.1f} ns pass before its output is "
                    "there; a register of its own behind it, without reset, folds into the block.")
        if worst and self.routing_ns > 0.6 * self.ns and worst.fanout >= 32:
            return (f"Bound by routing ({self._share()}): {worst.net} drives {worst.fanout} inputs "
                    f"and takes {worst.ns:.1f} ns; copies of its register would shorten it.")
        if worst and self.routing_ns > 0.6 * self.ns:
            return (f"Bound by routing ({self._share()}), mostly distance: {worst.net} takes "
                    f"{worst.ns:.1f} ns to {worst.fanout} input{'s' * (worst.fanout != 1)}.")
        if self.carry_bits > self.lut_levels:
            return f"Bound by the carry chain of {self.carry_bits} bits; split or shorten the sum."
        return (f"Bound by {self.lut_levels} levels of LUTs; a register between them would "
                "shorten it.")

    def _share(self):
        return f"{self.routing_ns / self.ns:.0%} of the path" if self.ns else "all of the path"

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


_KINDS = {"clk-to-q": "clock-to-out", "routing": "routing", "logic": "logic", "setup": "setup"}


def longest_path(report, fanout):
    """The path that sets Fmax, from the placer's report; ``None`` if no path has two registers.

    Parameters
    ----------
    report : dict
        The placer's JSON report.
    fanout : dict
        Name of a net -> inputs that read it.
    """
    paths = [path["path"] for path in report["critical_paths"]
             if "async" not in path["from"] and "async" not in path["to"]]
    paths = [CriticalPath(steps=tuple(_steps(path, fanout))) for path in paths if path]
    return max(paths, key=lambda path: path.ns, default=None)


def _steps(path, fanout):
    for i, piece in enumerate(path):
        kind = _KINDS.get(piece["type"], "logic")
        end = piece["to"]
        type_ = _type(end, at_end=i in (0, len(path) - 1), carry=_is_carry(piece))
        net = piece.get("net", "")
        yield Step(kind=kind, ns=piece["delay"], cell=_readable(end["cell"]), type=type_, net=net,
                   fanout=fanout.get(net, 0))


def _is_carry(piece):
    ports = piece["from"]["port"], piece["to"]["port"]
    return (piece["type"] == "logic"
            and ("COUT" in ports or "CIN" in ports or any(p.startswith("FC") for p in ports)))


def _type(end, at_end, carry):
    port, cell = end["port"], end["cell"]
    if re.match(r"(DO|AD|DI|CE|WE|RST|OCE)[AB]\d*$|[RW](DATA|ADDR|E|CLKE|MASK)(_\d+)?$", port):
        return "block RAM"
    if re.search(r"(ADDRESS|DATAIN|DATAOUT|MASKWREN)", port):
        return "single-port RAM"
    if carry:
        return "carry"
    if at_end:
        return "register"
    return "carry" if "$CCU2" in cell else "LUT"


def _readable(cell):
    """The hierarchical signal or instance that a mapped cell was named after."""
    cell = re.sub(r"(\$|_)(TRELLIS|PFUMX|L6MUX|CCU2C|LUT4|SB_|DFFLC|LC$|PACKED).*$", "", cell)
    return re.sub(r"\$\d+(?=$|\[)", "", cell)
