"""``qblif report``: a network and everything that was measured of it, as one page."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ..golden.spec.artifact import write_atomically
from ..golden.spec.errors import QblifError
from .common import (
    BurstOption,
    DataOption,
    LanesOption,
    NetworkArgument,
    OutOption,
    QuantiserOption,
    TimeOption,
    choose_images,
    console,
    dataset,
    layout_for,
    make_folder,
    open_network,
    spinner,
    write_report,
)

__all__ = ["report"]


def report(
    file: NetworkArgument,
    out: OutOption = Path("out"),
    data: DataOption = None,
    images: Annotated[str, typer.Option(
        metavar="N|all", help="How many of the test images; 0 for none.")] = "100",
    lanes: LanesOption = "32",
    burst: BurstOption = "shift",
    quantiser: QuantiserOption = None,
    time: TimeOption = "inner",
    device: Annotated[str, typer.Option(
        metavar="ecp5-25k|ecp5-45k|ecp5-85k|up5k|hx8k", help="The FPGA.")] = "ecp5-85k",
    rtl: Annotated[bool, typer.Option(
        "--rtl", help="Simulate the images on the generated Verilog, with Verilator.")] = False,
    synth: Annotated[bool, typer.Option(
        "--synth", help="Synthesise, place and route: minutes.")] = False,
    results: Annotated[Path | None, typer.Option(
        metavar="DIR", help="Folder that `qblif simulate`, `synth` or `build` wrote for the same "
        "network and lanes: what they found is taken.")] = None,
    neuron: Annotated[str | None, typer.Option(
        metavar="POP/INDEX", help="The neuron that is followed through the first image. Default: "
        "the one of the first population that fires most.")] = None,
):
    """One page of a network: DIR/report.html, with its figures as DIR/report.json.

    Graph, accuracy from float to RTL, bursts, cycles by stage, resources, floorplan, slack, a
    neuron's waveform and energy. What is not run here is said to be not run, with the command that
    runs it. It needs jinja2.
    """
    render = _renderer()
    from ..report.collect import collect
    from ..report.results import Results, read_results
    trained = open_network(file)
    layout = layout_for(trained, lanes, burst, quantiser, time)
    commands = _commands(file, locals())
    found = Results() if results is None else read_results(results, trained, layout)
    frames = _frames(trained, data, images)
    _check(trained, neuron, device, rtl, synth, frames)
    folder = make_folder(out, "report")
    (folder / "report.html").unlink(missing_ok=True)
    if rtl:
        found = _simulate(trained, layout, frames, folder, found)
    if synth:
        found = _synthesise(trained, layout, device, folder, found)
    with spinner() as line:
        task = line.add_task("report", total=None)
        content = collect(trained, layout, title=file.stem, device=device, commands=commands,
                          frames=frames, neuron=neuron, results=found,
                          progress=lambda text: line.update(task, description=text))
    page = render(json.loads(json.dumps(content)))
    write_atomically(folder / "report.html", page.encode())
    console.print(str(folder / "report.html"), markup=False, soft_wrap=True)
    write_report(folder, "report", content)


def _renderer():
    """:func:`qblif.report.page.render`; :class:`QblifError` says what to install without jinja2."""
    try:
        from ..report.page import render
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe"):
            raise
        raise QblifError("The page needs jinja2: pip install 'qblif[report]'") from error
    return render


def _frames(trained, data, images):
    """The test images that were asked for; ``None`` for 0, and where there can be none: the digits
    that come with a wheel are for networks of their size."""
    from ..report.collect import Frames
    spec = trained.spec
    if images == "0":
        return None
    if data is None and (spec.input.size != 784 or not spec.input.static):
        return None
    found = dataset(data, trained)
    pixels, labels = choose_images(found, images, spec)
    return Frames(trained.levels(pixels), labels, found.name)


def _check(trained, neuron, device, rtl, synth, frames):
    """What would be refused, before any long work."""
    from ..report.neuron import find_neuron
    if neuron is not None:
        find_neuron(trained.spec, neuron)
    if rtl:
        from ..sim.simulators import require
        if frames is None:
            raise QblifError("--rtl needs test images: give their folder with --data")
        require("verilator")
    if synth:
        from ..boards.flow.synth import find_device
        find_device(device)


def _simulate(trained, layout, frames, folder, found):
    from dataclasses import replace

    from ..sim.experiment import run_experiment
    from .common import progress_bar
    with progress_bar() as bar:
        task = bar.add_task("verilator: build and run", total=len(frames.levels))
        rtl = run_experiment(trained, layout, frames.levels, frames.labels,
                             out_dir=folder / "report" / "rtl",
                             progress=lambda done: bar.update(task, completed=done))
    return replace(found, rtl=rtl)


def _synthesise(trained, layout, device, folder, found):
    from dataclasses import replace

    from ..boards.flow.synth import synthesise
    from .verilog import write_verilog
    work = folder / "report" / "synth"
    work.mkdir(parents=True, exist_ok=True)
    generated = write_verilog(trained, layout, work)
    with spinner() as line:
        task = line.add_task("synthesise", total=None)
        placed = synthesise(work / "network.v", top=generated.manifest["top"], device=device,
                            out_dir=work,
                            progress=lambda text: line.update(task, description=text))
    return replace(found, placed=placed.to_json(), origin="this report",
                   floorplan=json.loads((work / "floorplan.json").read_text()))


def _commands(file, options):
    """This command again, and what would add to it."""
    words = ["qblif", "report", str(file)]
    for name, default in (("data", None), ("images", "100"), ("lanes", "32"), ("burst", "shift"),
                          ("quantiser", None), ("time", "inner"), ("device", "ecp5-85k"),
                          ("results", None), ("neuron", None)):
        if options[name] != default:
            words += [f"--{name}", str(options[name])]
    flags = [f"--{name}" for name in ("rtl", "synth") if options[name]]
    this = shlex.join(words)
    return {"this": " ".join([this, *flags]), "rtl": " ".join([this, "--rtl", *flags]),
            "synth": " ".join([this, *flags, "--synth"]), "data": f"{this} --data DIR"}
