"""From a board's top to its bitstream: yosys, nextpnr and the packer, with the board's real pins.

What is inside the chip is mapped as in :mod:`qblif.boards.flow.synth`, which places without pins.
"""

import json
import re
from dataclasses import dataclass

from ...hw.verilog import rtlil_to_verilog
from .block_ram import fold_output_registers
from .netlist import count, multipliers
from .pack import BITSTREAMS
from .synth import KEEP_COPIES, refuse_overfull
from .tools import DoesNotFit, SynthError, need, run_nextpnr, run_yosys

__all__ = ["Placed", "implement", "need_tools", "write_design", "write_plan"]

_MEMORY = re.compile(r'\(\* ram_style = "(?:block|auto)" \*\)\s+(\(\*.*?\*\)\s+)*'
                     r'reg (?:\[\d+:0\] )?\S+ \s*\[(\d+):0\];')
_CONSTRAINTS = {"ice40": ("pcf", "--pcf"), "ecp5": ("lpf", "--lpf"),
                "himbaechel_gowin": ("cst", "--vopt")}
_NO_ROOM = re.compile(r"no BELs remaining|[Ll]egal placement|no more available")
_LUTS = {"ice40": "ICESTORM_LC", "ecp5": "TRELLIS_COMB", "himbaechel_gowin": "LUT4"}


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A routed design: cells as the placer counts them, and the clock that it reaches in MHz."""

    lut: int
    ff: int
    bram: int
    spram: int
    dsp: int
    fmax_mhz: float
    multipliers: tuple


def need_tools(board):
    """Raise :class:`SynthError` unless every tool that ``board`` needs is installed."""
    family = board.capacity.family
    need("amaranth_boards", extra="board")
    if board.place:
        need("pyosys", f"yowasp_nextpnr_{family}",
             *(["apycula"] if family == "himbaechel_gowin" else []), extra="board")


def write_design(board, top, folder):
    """Elaborate ``top`` for the board, into ``top.v`` and the pin constraints."""
    platform = board.make_platform()
    files = platform.prepare(top, name="top", debug_verilog=False).files
    for name, text in files.items():
        if name.endswith((".pcf", ".lpf", ".cst")):
            (folder / name).write_text(_text(text))
    verilog = rtlil_to_verilog(_text(files["top.il"]))
    if board.capacity.small:
        verilog = place_small_memories(verilog, board.capacity.small)
    (folder / "top.v").write_text(verilog)


def write_plan(board, top, folder):
    """Every file that the vendor's tool needs, and the script that runs it."""
    for name, text in board.make_platform().prepare(top, name="top", debug_verilog=False
                                                    ).files.items():
        (folder / name).write_text(_text(text))


def place_small_memories(verilog, small):
    """Memories of up to ``small.rows`` words leave the block RAM to those that need it."""
    def change(match):
        is_small = int(match[2]) < small.rows
        return re.sub('"(block|auto)"', f'"{small.style}"', match[0]) if is_small else match[0]
    return _MEMORY.sub(change, verilog)


def implement(board, top, folder, *, frequency_mhz, seed, progress):
    """Map, place and route ``top``; the routed design stays in ``folder`` for :func:`pack`.

    Raises :class:`SynthError` where it does not fit.
    """
    device = board.capacity
    write_design(board, top, folder)
    progress(f"yosys: mapping to {board.part}")
    run_yosys(folder, ["read_verilog top.v", "hierarchy -top top", "proc", KEEP_COPIES,
                       f"{device.synth} -top top -json mapped.json"])
    netlist = json.loads((folder / "mapped.json").read_text())
    module = netlist["modules"]["top"]
    if device.family == "ecp5":
        fold_output_registers(module)
    cells = count(module)
    refuse_overfull(board.title, [(kind, cells[kind], getattr(device, kind))
                                  for kind in ("ff", "bram", "dsp", "spram")])
    (folder / "netlist.json").write_text(json.dumps(netlist))
    progress(f"nextpnr: placing {cells['lut']} LUTs and {cells['bram']} block RAMs for "
             f"{frequency_mhz:g} MHz")
    placed = _place(board, folder, frequency_mhz, seed)
    used = placed["utilization"]
    lut = used[_LUTS[device.family]]["used"]
    clocks = [clock["achieved"] for clock in placed["fmax"].values()]
    return Placed(lut=lut, ff=cells["ff"], bram=cells["bram"], spram=cells["spram"],
                  dsp=cells["dsp"], fmax_mhz=round(min(clocks), 2) if clocks else 0.0,
                  multipliers=tuple(multipliers(netlist)))


def _place(board, folder, frequency_mhz, seed):
    family = board.capacity.family
    suffix, option = _CONSTRAINTS[family]
    name = f"top.{suffix}"
    arguments = [*board.place, "--json", "netlist.json", "--top", "top", "--report", "placed.json",
                 "--seed", str(seed), "--freq", str(frequency_mhz), "--timing-allow-fail",
                 option, f"cst={name}" if option == "--vopt" else name,
                 *BITSTREAMS[family].routed]
    try:
        run_nextpnr(folder, family, arguments)
    except SynthError:
        log = (folder / "nextpnr.log").read_text(errors="replace")
        refuse_overfull(board.title, re.findall(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s", log,
                                                re.MULTILINE))
        if _NO_ROOM.search(log):
            raise DoesNotFit(f"The placer found no room on {board.title} for all cells") from None
        raise
    return json.loads((folder / "placed.json").read_text())


def _text(content):
    return content.decode() if isinstance(content, bytes) else content
