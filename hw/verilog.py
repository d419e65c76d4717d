"""Verilog of a whole network, and a manifest that describes its ports and memories."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amaranth.back import rtlil, verilog
from amaranth.hdl import Shape
from amaranth.lib import data, wiring

from ..golden.spec.errors import InvalidValue
from ..golden.spec.sound import FrontEnd
from .bus.registers import register_map
from .bus.top import BusTop
from .core.checks import SYNTHESIS
from .core.network import NetworkCore
from .layout.compile import Layout, compile
from .layout.plan import read_plan
from .logic.network import LogicNetworkCore
from .sound.network import SoundNetworkCore

if TYPE_CHECKING:
    from ..golden.spec import Network
    from ..golden.spec.trained import Trained
    from .logic.layout import LogicLayout

__all__ = ["Generated", "generate", "generate_logic", "read_generated", "rtlil_to_verilog"]

MANIFEST_VERSION = 1


@dataclass(frozen=True)
class Generated:
    """Verilog text, its manifest as plain dictionaries, lists, strings and integers, and the layout
    from which both were generated."""

    verilog: str
    manifest: dict[str, Any]
    layout: Layout | LogicLayout

    @property
    def baked(self) -> bool:
        """Whether the memories start with weights, and need none to be loaded."""
        return self.manifest["weights_digest"] is not None


def generate(layout: Layout, trained: Trained | None = None, name: str = "qblif_network",
             sound: bool = False, bus: str | None = None, readback: bool = False) -> Generated:
    """Generate the network of ``layout``, a :class:`qblif.hw.layout.compile.Layout`; bake in
    ``trained`` where given.  With ``sound`` it takes samples, through the sound front end.  With
    ``bus``, one of :data:`qblif.hw.bus.top.BUSES`, it is behind that bus, where loaded words can be
    read with ``readback``.

    Raises :class:`ValueError` for a network that does not take what the front end sends, for one
    that the bus cannot express, and for options that do not go together.
    """
    network = _component(layout, trained, sound, bus, readback)
    text = to_verilog(network, name)
    manifest = {
        "manifest_version": MANIFEST_VERSION,
        "top": name,
        "clock": network.clock if bus else "clk",
        "reset": network.reset if bus else "rst",
        "verilog_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "network": layout.spec.to_dict(),
        "network_digest": layout.spec.digest,
        "layout_digest": layout.digest,
        "weights_digest": trained.weights_digest if trained else None,
        "plan": asdict(layout.plan)["stages"],
        "order": layout.plan.order,
        "input": layout.input.describe() | ({"sound": asdict(FrontEnd())} if sound else {}),
        "stages": layout.describe(),
        "ports": describe_ports(network),
    } | ({"bus": bus, "registers": {r.name: r.offset for r in register_map(layout, readback)}}
         if bus else {})
    return Generated(text, manifest, layout)


def generate_logic(layout: LogicLayout, name: str = "qblif_logic",
                   taps: bool = False) -> Generated:
    """Generate a network as logic, see :class:`qblif.hw.logic.network.LogicNetworkCore`."""
    network, trained = LogicNetworkCore(layout, taps), layout.trained
    text = to_verilog(network, name)
    tapped = {p.name: [layout.clock(p.name, t) for t in range(layout.spec.timesteps)]
              for p in network.tapped}
    return Generated(text, {
        "manifest_version": MANIFEST_VERSION, "top": name, "clock": "clk", "reset": "rst",
        "verilog_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "network": layout.spec.to_dict(), "network_digest": layout.spec.digest,
        "weights_digest": trained.weights_digest, "adders": layout.method,
        "adders_in_a_row": layout.adders, "pixels": layout.pixels, "latency": layout.latency,
        "interleaved": layout.interleaved, "stages": layout.describe(), "taps": tapped,
        "ports": describe_ports(network)}, layout)


def read_generated(folder: Path, network: Network) -> Generated:
    """What ``qblif verilog`` wrote into ``folder``: ``network.v``, which may have been edited
    since, and ``manifest.json``.

    Raises :class:`ValueError` where that is missing, damaged, of another network or version, takes
    samples of sound, or is behind a bus.
    """
    path = folder / "manifest.json"
    try:
        text = (folder / "network.v").read_text()
    except OSError as error:
        raise InvalidValue(f"{error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidValue(f"{folder / 'network.v'}: damaged, it is no text") from error
    plan, manifest = read_plan(path, network, "the manifest of qblif verilog",
                               ("input", "layout_digest", "weights_digest", "ports", "stages"))
    if not isinstance(manifest["input"], dict):
        raise InvalidValue(f"{path}: damaged, its input is no object")
    sound, bus = "sound" in manifest["input"], "bus" in manifest
    layout = compile(network, plan)
    if sound or bus or (layout.digest, MANIFEST_VERSION) != (
            manifest["layout_digest"], manifest.get("manifest_version")):
        raise InvalidValue(f"{path}: " + (
            "takes samples of sound, not events" if sound else "is behind a bus" if bus else
            "was generated by another version: generate it again"))
    return Generated(text, manifest, layout)


def _component(layout, trained, sound, bus, readback) -> Any:
    if bus is not None:
        if sound:
            raise InvalidValue("The sound front end takes samples: it cannot be behind a bus")
        return BusTop(layout, trained, bus=bus, readback=readback)
    if readback:
        raise InvalidValue("Words are read back over a bus: name one, axi or wishbone")
    return (SoundNetworkCore if sound else NetworkCore)(layout, trained)


EMPTY_CONTENTS = re.compile(r"  cell \$meminit_v2 .*\n(?:    .*\n)*?    connect \\DATA \d+'0+\n"
                            r"(?:    .*\n)*?  end\n")


BRACKETED_NAME = re.compile(r"(\\[^\s\[]+)\[(\d+)\]")


def to_verilog(component, name):
    """Verilog of a component, with two changes to Amaranth's output.

    Memories without contents get no initial value: the zeros would be most of the text of a
    network whose weights are loaded, and without them a simulator exposes reads before writes.
    An array's element k is named ``x.k`` and not ``x[k]``, which yosys mistakes for a bit of ``x``
    as it maps to LUTs.
    """
    return rtlil_to_verilog(rtlil.convert(component, name=name, platform=SYNTHESIS,
                                          emit_src=False))


def rtlil_to_verilog(text):
    """Verilog from Amaranth's RTLIL, with the changes of :func:`to_verilog`."""
    text = EMPTY_CONTENTS.sub("", text)
    found = 1
    while found:
        text, found = BRACKETED_NAME.subn(r"\1.\2", text)
    return verilog._convert_rtlil_text(text, strip_internal_attrs=True)


def describe_ports(component):
    """Name, direction, width, signedness, and bit ranges of the fields, of every port."""
    ports = []
    for path, member, _ in component.signature.flatten(component):
        layout = member.shape
        shape = Shape.cast(layout)
        port = {"name": "__".join(map(str, path)), "width": shape.width, "signed": shape.signed,
                "direction": "input" if member.flow == wiring.In else "output"}
        if isinstance(layout, data.Layout):
            port["fields"] = list(describe_fields(layout))
        ports.append(port)
    return ports


def describe_fields(layout, prefix="", base=0):
    """The leaves of a layout, lowest bit first."""
    for key, field in layout:
        name, offset = f"{prefix}{key}", base + field.offset
        if isinstance(field.shape, data.Layout):
            yield from describe_fields(field.shape, f"{name}.", offset)
        else:
            shape = Shape.cast(field.shape)
            yield {"name": name, "offset": offset, "width": shape.width, "signed": shape.signed}
