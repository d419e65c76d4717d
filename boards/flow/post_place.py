"""The routed netlist of an iCE40 board as Verilog of the vendor's cells.

nextpnr writes the routed design back as cells and wires, and yosys has simulation models of these
cells; :mod:`qblif.sim.placed_board` runs it behind a serial port.
"""

import importlib.util
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ...golden.spec.errors import InvalidValue
from ..families.ice40 import ROUTED_MODELS as MODELS
from .tools import SynthError, need, run_yosys

__all__ = ["cell_models", "post_place_verilog", "with_netlist"]

NETLIST = "post.json"
_OPEN = re.compile(r"\b\w+\s*===\s*1'bz")  # How the models ask whether an input is open.


def with_netlist(board):
    """The same board, but its placer leaves the routed netlist for :func:`post_place_verilog`.

    Raises :class:`InvalidValue` for a board whose FPGA is no iCE40.
    """
    if not board.fpga.family.routed_models:
        raise InvalidValue(f"{board.title} has no iCE40: its routed netlist cannot be simulated "
                           "here")
    return replace(board, package_place=(*board.place, "--write", NETLIST))


def cell_models():
    """Verilog of the iCE40's cells: yosys' own models without the pulls at open inputs.

    :func:`post_place_verilog` leaves no input open, and Verilator would take each input that is
    compared with ``1'bz`` for a tristate net.  Raises :class:`SynthError` where yosys is missing,
    or writes its models in another way than expected.
    """
    need("pyosys")
    spec = importlib.util.find_spec("pyosys")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / "share" / MODELS.path
    text, found = _OPEN.subn("1'b0", path.read_text())
    if not found:
        raise SynthError(f"No cell model in {path} compares an input with 1'bz: this version of "
                         "yosys writes them in another way than expected")
    return text


def post_place_verilog(folder):
    """Write ``post.v``, the module ``top`` of what was routed in ``folder``.

    Every port is a pin of the package.  The PLL has no model: where there is one, the inputs
    ``pll_clock`` and ``pll_lock`` stand for its output and its lock.

    Parameters
    ----------
    folder : Path
        ``work`` of a build for a board of :func:`with_netlist`.

    Returns
    -------
    Counter
        Cells of the netlist by type.

    Raises
    ------
    SynthError
        No routed netlist there, or one with a cell that has no model, such as the UP5K's
        single-port RAM, or with a clock buffer that nothing feeds.
    """
    folder = Path(folder)
    try:
        netlist = json.loads((folder / NETLIST).read_text())
    except OSError as error:
        raise SynthError(f"No routed netlist at {folder / NETLIST}: build it first") from error
    module = netlist["modules"]["top"]
    cells = Counter(cell["type"] for cell in module["cells"].values())
    if unknown := cells.keys() - MODELS.cells:
        raise SynthError(f"There is no model of {', '.join(sorted(unknown))}: this netlist cannot "
                         "be simulated")
    _open_pll(module)
    _feed_buffers(module)
    for cell in module["cells"].values():
        _close_inputs(cell)
    # Names would be most of the text, and of the compiler's work.
    module["cells"] = {f"c{k}": cell for k, cell in enumerate(module["cells"].values())}
    module["netnames"] = {}
    (folder / "post.closed.json").write_text(json.dumps(netlist))
    run_yosys(folder, ["read_json post.closed.json", "write_verilog -noattr post.v"], "post.log")
    return cells


def _open_pll(module):
    """Replace the PLL by two inputs of the module."""
    for name in [n for n, cell in module["cells"].items() if cell["type"] == "ICESTORM_PLL"]:
        lock = module["cells"].pop(name)["connections"]["LOCK"]
        used = {bit for cell in module["cells"].values()
                for bits in cell["connections"].values() for bit in bits if isinstance(bit, int)}
        module["ports"] |= {"pll_clock": {"direction": "input", "bits": [max(used) + 1]},
                            "pll_lock": {"direction": "input", "bits": lock or [max(used) + 2]}}


def _feed_buffers(module):
    """Connect the global buffers that the PLL or a pin drives by a path outside the fabric."""
    for name, cell in module["cells"].items():
        source = cell["connections"].get("USER_SIGNAL_TO_GLOBAL_BUFFER")
        if cell["type"] != "SB_GB" or source:
            continue
        feeder, _, kind = name.removeprefix("$gbuf_").rpartition("_")
        if name.endswith("_pllout_a") and "pll_clock" in module["ports"]:
            source = module["ports"]["pll_clock"]["bits"]
        elif kind == "io" and feeder in module["cells"]:
            source = module["cells"][feeder]["connections"]["PACKAGE_PIN"]
        else:
            raise SynthError(f"Nothing feeds the clock buffer {name}: this netlist cannot be "
                             "simulated")
        cell["connections"]["USER_SIGNAL_TO_GLOBAL_BUFFER"] = source


def _close_inputs(cell):
    """Tie each open input to the level that it reads on the device; drop open outputs."""
    for port, bits in list(cell["connections"].items()):
        if not bits and cell["port_directions"][port] == "input":
            cell["connections"][port] = [str(int(port in MODELS.pulled_up))]
        elif not bits:
            del cell["connections"][port]
