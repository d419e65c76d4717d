"""``qblif import``: another framework's network, from a NIR file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..golden.spec.errors import InvalidValue
from .common import OutOption, console, make_folder, write_report

__all__ = ["import_nir"]


def import_nir(
    file: Annotated[Path, typer.Argument(
        metavar="FILE", help="NIR file, as the framework's exporter writes it.")],
    framework: Annotated[str, typer.Option(
        "--from", metavar="NAME", help="Who wrote it: snntorch, spikingjelly, norse, sinabs, "
        "rockpool; nir, to read it by NIR's own equations; qblif, what `qblif export` wrote.")],
    check: Annotated[Path | None, typer.Option(
        metavar="SPIKES", help="Recording of the framework's own run, an .npz with input and "
        "spikes_0, spikes_1.. of axes (timesteps, frames, neurons), or NIR's data: finds out "
        "what the file leaves open, and compares every spike of every layer.")] = None,
    reset: Annotated[str | None, typer.Option(
        metavar="subtract|zero|none", help="What a spike does to the membrane.")] = None,
    delay: Annotated[bool | None, typer.Option(
        "--delay/--no-delay", help="snnTorch's reset_delay.")] = None,
    levels: Annotated[int | None, typer.Option(
        metavar="N", help="Largest level of one timestep, where neurons give several spikes.")] = (
            None),
    dt: Annotated[float | None, typer.Option(
        metavar="SECONDS", help="Timestep, in the unit of the file's time constants. Default: what "
        "the framework's exporter takes.")] = None,
    v_reset: Annotated[float | None, typer.Option(
        "--v-reset", metavar="V", help="What a spike resets the membrane to, where the file lacks "
        "it, as Norse's does.")] = None,
    floor: Annotated[float | None, typer.Option(
        metavar="V", help="Lower bound of the membrane, Sinabs' min_v_mem.")] = None,
    timesteps: Annotated[int | None, typer.Option(
        metavar="T", help="Timesteps of a frame. Default: the recording's.")] = None,
    approximate: Annotated[bool, typer.Option(
        "--approximate", help="Round weights, decays and thresholds that have no exact form, "
        "instead of refusing them.")] = False,
    out: OutOption = Path("out"),
):
    """Import a network from a NIR file as DIR/network.safetensors: equal to the spike, or refused.

    Ends with 0 where every recorded spike is equal or no recording was given, 1 where one differs
    (nothing is written then, but with --approximate), 2 where the network has no exact form.
    """
    from ..golden.foreign import nir_graph, own, record
    from ..golden.foreign.check import check_own, import_network
    from ..golden.foreign.frameworks import FRAMEWORKS
    from ..golden.foreign.readings import Asked, check_framework
    check_framework(framework, "qblif")
    asked = Asked(reset=reset, delay=delay, levels=levels, dt=dt, v_reset=v_reset, floor=floor)
    if timesteps is not None and timesteps < 1:
        raise InvalidValue(f"Timesteps must be at least 1, not {timesteps}")
    if framework == "qblif":
        trained = own.read(file)
        names = [p.name for p in (trained.spec.input, *trained.spec.firing)]
        recording = check and record.load(check, names, trained.spec.timesteps)
        imported = check_own(trained, asked, timesteps, recording)
    else:
        graph = nir_graph.read(file)
        names = [graph.input_name, *(node.name for node in graph.nodes)]
        recording = check and record.load(check, names, timesteps)
        imported = import_network(graph, framework, asked, timesteps, recording, approximate)
    show(imported)
    if not imported.equal and framework in FRAMEWORKS and FRAMEWORKS[framework].lost:
        console.print(FRAMEWORKS[framework].lost, markup=False, highlight=False, soft_wrap=True)
    if imported.equal or approximate:
        folder = make_folder(out, "import")
        imported.converted.trained.save(folder / "network.safetensors")
        write_report(folder, "import", report(imported))
    if not imported.equal:
        raise typer.Exit(1)


def show(imported):
    """The reading, what is not proven, and one line a layer."""
    def line(text, style=None):
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
    line(f"{'read as' if imported.equal else 'nearest reading'} {imported.reading}")
    for other in imported.others:
        line(f"{'equal as well:' if imported.equal else 'as near:'} {other}")
    for remark in imported.converted.remarks:
        line(remark, "yellow")
    for agreement in imported.agreements:
        line(str(agreement))


def report(imported):
    """What ``show`` prints, and the network's digests."""
    trained = imported.converted.trained
    return {"network": "network.safetensors", "reading": imported.reading,
            "others": list(imported.others), "remarks": list(imported.converted.remarks),
            "equal": imported.equal if imported.agreements else None,
            "layers": [asdict(agreement) for agreement in imported.agreements],
            "network_digest": trained.spec.digest, "weights_digest": trained.weights_digest}
