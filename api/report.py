"""The page of :meth:`qblif.api.hardware.Hardware.report`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..golden.spec.artifact import Trained
from ..golden.spec.errors import InvalidValue
from ..hw.layout.compile import Layout

__all__ = ["make_report"]


def make_report(net: Trained, layout: Layout, out_dir: Path, images: Any, labels: Any, *,
                title: str, device: str, neuron: str | None, rtl: bool, synth: bool,
                progress: Callable[[str], None] | None) -> dict[str, Any]:
    """See :meth:`qblif.api.hardware.Hardware.report`."""
    from ..report.collect import Frames, collect
    from ..report.results import Results
    from ..report.run import add_placement, add_simulation, write_report
    frames, results, say = None, Results(), progress or (lambda text: None)
    if images is not None:
        frames = Frames(net.levels(images), np.asarray(() if labels is None else labels),
                        "the images given")
        if frames.labels.shape != (len(frames.levels),):
            raise InvalidValue(f"Labels must be one an image, {len(frames.levels)}, not "
                               f"{len(frames.labels)}")
    elif rtl:
        raise InvalidValue("A simulation needs images, not None")
    out_dir.mkdir(parents=True, exist_ok=True)
    if rtl:
        results = add_simulation(results, net, layout, frames, out_dir / "report")
    if synth:
        results = add_placement(results, layout, device, out_dir / "report", say)
    call = "hardware.report(out_dir, images, labels"
    flags = ", rtl=True" * rtl + ", synth=True" * synth
    content = collect(
        net, layout, title=title, device=device, frames=frames, neuron=neuron, results=results,
        progress=say, commands={
            "this": f"hardware.report(out_dir{', images, labels' * (frames is not None)}{flags})",
            "data": f"{call}{flags})", "rtl": f"{call}, rtl=True{', synth=True' * synth})",
            "synth": f"{call}{', rtl=True' * rtl}, synth=True)"})
    write_report(out_dir, content)
    return content
