"""What the flow must know of an FPGA family, from yosys' command to the bitstream's packer."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..pll import PllLimits

__all__ = ["BlockRam", "CLOCK_PINS", "Family", "KINDS", "Packer", "PathNames", "Placer",
           "RESET_PINS", "RoutedModels"]

KINDS = ("lut", "ff", "bram", "dsp", "spram")
"""Kinds of cells that a device has a number of."""

CLOCK_PINS = r"[RW]?CLK[AB]?N?\d?"
RESET_PINS = r"RST[AB]?"


@dataclass(frozen=True, kw_only=True)
class BlockRam:
    """One block RAM: ``bits``, parity included, and the word ``widths`` that it may have.

    ``dual_width``: the widest word with two read ports, one of which shares its address with the
    write port; 0 where the flow makes two blocks of such a memory.
    """

    bits: int
    widths: tuple[int, ...]
    dual_width: int = 0

    def depth(self, width):
        """Words at a width: parity bits serve only widths that are multiples of nine."""
        return self.bits // width if width % 9 == 0 else (1 << self.bits.bit_length() - 1) // width

    def blocks(self, depth, width):
        """Blocks for a memory of ``depth`` words of ``width`` bits, in the best of the modes."""
        return min(-(-depth // self.depth(mode)) * -(-width // mode) for mode in self.widths)

    def dual_blocks(self, depth, width):
        """The same with two read ports."""
        if not self.dual_width:
            return 2 * self.blocks(depth, width)
        return min(-(-depth // self.depth(mode)) * -(-width // mode) for mode in self.widths
                   if mode <= self.dual_width)


@dataclass(frozen=True, kw_only=True)
class Placer:
    """How nextpnr is called for a family.

    ``architecture`` is nextpnr's word for the family.  ``constraints`` is the suffix of a pin file,
    ``pins`` the arguments that hand ``top.<suffix>`` over, ``no_pins`` those for a design out of
    context, ``routed`` those that leave the routed design for the packer, ``large`` those for a
    large design (:data:`qblif.boards.flow.implement.LARGE`), and ``crowded`` those that come to
    them on a crowded device (:data:`qblif.boards.flow.implement.CROWDED`).  ``cells`` maps the
    placer's cells to kinds, and ``words`` what its cells or kinds are called where this differs
    from :data:`qblif.boards.flow.utilisation.WORDS`.  ``no_room`` finds in the log that cells were
    left over although their numbers are within the device's.
    """

    architecture: str
    constraints: str
    pins: tuple[str, ...]
    no_pins: tuple[str, ...] = ()
    routed: tuple[str, ...]
    large: tuple[str, ...] = ()
    crowded: tuple[str, ...] = ()
    cells: dict[str, str]
    words: dict[str, str] | None = None
    no_room: str = r"no BELs remaining|[Ll]egal placement|no more available"

    @property
    def package(self):
        """The Python package that carries it."""
        return f"yowasp_nextpnr_{self.architecture}"


@dataclass(frozen=True, kw_only=True)
class Packer:
    """``function`` of the Python module ``module``, with ``arguments`` behind the device's own,
    makes ``top.<suffix>`` of what the placer left.  ``main`` reads ``sys.argv``, any other function
    takes a list."""

    module: str
    function: str
    suffix: str
    arguments: tuple[str, ...]

    @property
    def package(self):
        """The Python package that carries it."""
        return self.module.partition(".")[0]


@dataclass(frozen=True, kw_only=True)
class PathNames:
    """Regular expressions that read a family's names in the placer's timing report.

    ``block_ram`` and ``spram`` match a port of these cells; ``carry_port`` a port, and
    ``carry_cell`` (searched) a cell, of a carry chain; ``suffix`` what mapping and packing append
    to a signal's name.
    """

    block_ram: str
    spram: str = "(?!)"
    carry_port: str
    carry_cell: str = "(?!)"
    suffix: str


@dataclass(frozen=True, kw_only=True)
class RoutedModels:
    """Verilog models of the cells of a *routed* netlist: ``path`` in yosys' share folder, the
    ``cells`` that have one or are handled, and ``pulled_up``, the inputs that read 1 if open."""

    path: str
    cells: frozenset[str]
    pulled_up: frozenset[str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """One FPGA family.

    Mapping
        ``synth``: yosys' command, to which a device adds its options.  ``cells``: mapped cell ->
        kind (lut, lut_mux, lut_ram, carry, ff, bram, dsp or spram); ``flip_flops`` matches the
        whole name of further cells of kind ff.  ``clocks`` and ``resets`` match ports of cells.
        ``fold``: rewrites a mapped module in place and returns cell -> flip-flops that it took in.

    Memories
        ``block_ram``: :class:`BlockRam`.  ``lut_ram``: LUTs can be RAMs of 16 x 4 bits;
        ``auto_lut_ram``: yosys puts memories of up to 16 words there of its own accord.
        ``lut_scale``: LUTs of a design against those that it takes on an ECP5.

    Placement and after
        ``placer`` and ``packer``, both ``None`` where the vendor's tool does it.  ``paths``:
        :class:`PathNames`.  ``routed_models``: where a routed netlist can be simulated.
        ``programmers``: tools beside openFPGALoader that take a bitstream as only argument.

    Clock
        ``pll``: :class:`qblif.boards.pll.PllLimits`, and ``pll_instance(pll, device, clock, locked,
        source)``, which returns Amaranth's ``Instance``.  ``pll_pad_instance`` is the same with the
        pin itself as source.
    """

    name: str
    synth: str = ""
    cells: dict[str, str]
    flip_flops: str = "(?!)"
    clocks: str = CLOCK_PINS
    resets: str = RESET_PINS
    fold: Callable | None = None
    block_ram: BlockRam
    lut_ram: bool = True
    auto_lut_ram: bool = False
    lut_scale: float
    placer: Placer | None = None
    packer: Packer | None = None
    paths: PathNames | None = None
    routed_models: RoutedModels | None = None
    programmers: tuple[str, ...] = ()
    pll: PllLimits | None = None
    pll_instance: Callable | None = None
    pll_pad_instance: Callable | None = None

    def kind_of(self, cell_type):
        """What a mapped cell counts as, such as ``"bram"``; ``None`` if as nothing."""
        return "ff" if re.fullmatch(self.flip_flops, cell_type) else self.cells.get(cell_type)

    @property
    def packages(self):
        """Python packages that placing and packing need."""
        return tuple(dict.fromkeys(tool.package for tool in (self.placer, self.packer) if tool))
