"""What a placed design takes of its device, and how fast it runs there."""

from dataclasses import asdict, dataclass, field
from typing import Any

from .critical_path import CriticalPath

__all__ = ["Report"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """Size and speed of a placed and routed design.

    Members
    -------
    lut, ff, bram, dsp, spram : int
        Placed cells, counted as :class:`qblif.boards.devices.Device` says.
    carry : int
        Mapped carry cells: CCU2C of two bits (ECP5), SB_CARRY of one bit (iCE40).
    lut_ram : int
        Mapped distributed RAMs of 16x4 bits (ECP5), whose LUTs are part of ``lut``.
    folded : int
        Flip-flops that were folded into the output registers of block RAMs.
    fmax_mhz : float or None
        Clock of the slowest register-to-register path, after routing; ``None`` if there is none.
    components : dict
        Component -> mapped cells by kind, see :func:`qblif.boards.flow.components.components`.
    multipliers : tuple of str
        Multiplying or dividing cells, before and after mapping.
    """

    device: str
    part: str
    seed: int
    lut: int
    ff: int
    bram: int
    dsp: int
    spram: int
    carry: int
    lut_ram: int
    folded: int
    capacities: dict[str, int]
    fmax_mhz: float | None
    path: CriticalPath | None = field(repr=False)
    components: dict[str, dict[str, int]] = field(repr=False)
    multipliers: tuple[str, ...] = field(repr=False)

    def clock_text(self) -> str:
        """The clock in words."""
        return ("no register-to-register path" if self.fmax_mhz is None
                else f"{self.fmax_mhz:.1f} MHz")

    def path_in_words(self) -> str:
        """The longest path as sentences: its ends, its cells and its delays."""
        if self.path is None:
            return "No path leads from a register to a register."
        return self.path.in_words()

    def to_json(self) -> dict[str, Any]:
        """A dict that ``json.dumps`` takes, with ``path_in_words`` beside the raw steps."""
        return asdict(self) | {"path_in_words": self.path_in_words()}
