"""``qblif demo --quick``: one digit through the integer model and the hardware, side by side."""

import time

import numpy as np
from rich.columns import Columns
from rich.panel import Panel

from .common import console, spinner, table

__all__ = ["show_digit"]

NETWORK = "mnist-mlp"
LANES = 32
SHADES, BARS = " ░▒▓█", " ▁▂▃▄▅▆▇█"
RASTER = 32  # Neurons a line.
SCORE_BAR = 16  # Characters.


def show_digit(seed):
    """Run the digit of the embedded set that ``seed`` picks through a network that ships: the exact
    integer model, and its hardware in Amaranth's simulator, which needs no compiler.

    Prints the digit, the bursts of the hidden neurons and the scores, and compares every level,
    membrane and score, the class and the cycles.  Returns what ``demo.json`` says.
    """
    start = time.perf_counter()
    with spinner() as line:
        line.add_task("simulate one digit", total=None)
        net, frame, label = load_digit(seed)
        expected, rtl, cycles = run_both(net, frame)
    wrong = rtl.mismatches(expected) | {
        "cycles": abs(int(rtl.results[0] - rtl.starts[0]) - cycles)}
    scores = expected.scores[0].tolist()
    hidden = net.spec.populations[0].name
    console.print(Columns([
        Panel(draw_image(frame[0].reshape(net.spec.input.shape[-2:])),
              title=f"{'an' if label == 8 else 'a'} {label}"),
        Panel(draw_raster(rtl.levels[hidden][:, 0], net.spec.populations[0].emit_max),
              title=f"bursts of {rtl.levels[hidden].shape[-1]} neurons"),
        Panel(draw_scores(scores), title="scores")]))
    compared = {"levels": sum(rtl.levels[p.name].size for p in net.spec.firing),
                "membranes": sum(found.size for found in rtl.membranes.values()),
                "scores": len(scores), "classes": 1, "cycles": cycles}
    console.print(table("hardware and integer model", [
        (what, f"{compared[what]:,}", wrong[what]) for what in wrong],
        ("", "in all", "differ")))
    seconds = time.perf_counter() - start
    console.print(f"The hardware says {rtl.classes[0]}, the label is {label}: {seconds:.0f} s. "
                  "`qblif demo` trains, simulates 1,000 digits and places the network.")
    return {"ok": not any(wrong.values()), "quick": True, "seed": seed, "label": label,
            "class": int(rtl.classes[0]), "scores": scores, "compared": compared,
            "mismatches": wrong, "seconds": round(seconds, 2)}


def load_digit(seed):
    """Network, and the input levels ``(1, inputs)`` and the label of the digit that ``seed`` picks.
    """
    from ..api.network import dataset, load
    images, net = dataset(), load(NETWORK)
    number = np.random.default_rng(seed).integers(len(images.test_images))  # They are sorted.
    return net, net.levels(images.test_images[number:number + 1]), int(images.test_labels[number])


def run_both(net, frame):
    """Trace of the integer model, recording of the hardware, and the cycle model's latency."""
    from ..golden import integer
    from ..hw.layout.compile import compile
    from ..hw.layout.cycles import count_cycles
    from ..hw.layout.plan import make_plan
    from ..sim.pysim import run_network
    layout = compile(net.spec, make_plan(net.spec, lanes=LANES, activity=net.activity))
    expected = integer.run(net, frame)
    model = count_cycles(layout, frame, {k: v.numpy() for k, v in expected.levels.items()})
    return expected, run_network(net, layout, frame, baked=True), int(model.latency[0])


def draw_image(levels):
    """Two rows of pixels a line."""
    pairs = levels[0::2].astype(int) + levels[1::2]
    shade = pairs * (len(SHADES) - 1) // (2 * max(1, int(levels.max())))
    return "\n".join("".join(SHADES[k] for k in row) for row in shade)


def draw_raster(levels, n_max):
    """Levels ``(timesteps, neurons)`` as bars, timestep by timestep."""
    found = []
    for t, row in enumerate(levels):
        bars = "".join(BARS[-(-int(level) * (len(BARS) - 1) // n_max)] for level in row)
        found += [f"timestep {t}", *(bars[k:k + RASTER] for k in range(0, len(bars), RASTER))]
    return "\n".join(found)


def draw_scores(scores):
    """A bar for each class; the largest is marked."""
    low, high = min(scores), max(scores)
    bars = np.array(scores) - low
    return "\n".join(
        f"{k} {'█' * int(bar * SCORE_BAR // max(1, high - low)):<{SCORE_BAR}} {score:>6}"
        + (" <" if score == high else "") for k, (bar, score) in enumerate(zip(bars, scores,
                                                                             strict=True)))
