"""Verilog and pin constraints of a board's top, and the plan for a vendor's tool."""

from ...hw.verilog import rtlil_to_verilog
from .tools import need

__all__ = ["need_tools", "use_small_rams", "write_design", "write_plan"]


def need_tools(board):
    """Raise :class:`SynthError` unless every tool that ``board`` needs is installed."""
    need("amaranth_boards", extra="board")
    if board.placed_here:
        need("pyosys", *board.fpga.family.packages, extra="board")


def write_design(board, top, folder):
    """Elaborate ``top`` for the board, into ``top.v`` and the pin constraints."""
    platform = board.make_platform()
    if board.fpga.small:
        use_small_rams(platform, board.fpga.small)
    files = platform.prepare(top, name="top", debug_verilog=False).files
    constraints = f"top.{board.fpga.family.placer.constraints}"
    (folder / constraints).write_text(_text(files[constraints]))
    (folder / "top.v").write_text(rtlil_to_verilog(_text(files["top.il"])))


def write_plan(board, top, folder):
    """Every file that the vendor's tool needs, and the script that runs it."""
    files = board.make_platform().prepare(top, name="top", debug_verilog=False).files
    for name, text in files.items():
        (folder / name).write_text(_text(text))


def use_small_rams(platform, small):
    """Elaborate memories of up to ``small.rows`` words as ``small.style``, on this platform.

    Those whose style is fixed, such as single-port RAM, stay as they are.  Amaranth asks a platform
    for each memory; without a platform it elaborates the memory itself.
    """
    def get_memory(ram):
        if ram.depth <= small.rows and ram.attrs.get("ram_style") in ("auto", "block"):
            ram.attrs["ram_style"] = small.style
        return ram.elaborate(None)
    platform.get_memory = get_memory


def _text(content):
    return content.decode() if isinstance(content, bytes) else content
