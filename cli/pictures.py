"""The plots of an analysis: burst histograms, figures for each layer, shapes of surrogates.

They show the numbers of :mod:`qblif.golden.study.analysis`, after Fig. 3 to 6 of the paper, in the
colours of Okabe and Ito, which colour-blind readers can tell apart.
"""

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..golden.study.analysis import EFFECTIVE

__all__ = ["draw_bursts", "draw_layers", "draw_surrogates"]

BLUE, SKY, ORANGE, RED, GREEN = "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#009E73"
GREY, PALE, INK = "#8A8A8A", "#DDDDDD", "#222222"
FLOOR = 1e-4  # Smallest share that is shown.
ACROSS = 4  # Panels a row, at most.
LEVEL, LABELLED = 5, 12  # Layers whose names stand level, and whose bars have numbers.
ROWS = 4  # Layers whose surrogates are drawn.


def draw_bursts(layers):
    """PNG bytes: a panel a layer, the share of each level on a logarithmic axis (Fig. 5)."""
    down = -(-len(layers) // ACROSS)
    figure, axes = _figure(down, -(-len(layers) // down), 3.4, 2.8)
    for axis, layer in zip(axes.flat, layers, strict=False):
        _histogram(axis, layer)
    for axis in list(axes.flat)[len(layers):]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("share of neuron-timesteps")
    return _png(figure, "Burst levels",
                f"dark: effective levels, above the dashed line at {EFFECTIVE:.0%}")


def _histogram(axis, layer):
    places = np.arange(len(layer.levels))
    used = layer.shares > EFFECTIVE
    axis.bar(places, np.maximum(layer.shares, FLOOR), width=0.82,
             color=[BLUE if u else SKY for u in used])
    axis.axhline(EFFECTIVE, color=RED, linestyle="--", linewidth=1)
    axis.set_yscale("log")
    axis.set_ylim(FLOOR, 1.6)
    axis.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    every = -(-len(places) // 8)
    axis.set_xticks(places[::every], [str(level) for level in layer.levels[::every]])
    axis.set_xlabel("level")
    gamma = "" if layer.gamma is None else f"gamma {layer.gamma:.3g}, "
    axis.set_title(f"{layer.name}\n{gamma}{layer.entropy:.2f} bits, {layer.activity:.1%} fire",
                   fontsize=9)


def draw_layers(layers):
    """PNG bytes: gamma, entropy with its bound, effective levels and activity a layer (Fig. 6)."""
    figure, axes = _figure(2, 2, max(4.2, 0.34 * len(layers)), 2.8)
    unknown = ["unknown" if layer.gamma is None else f"{layer.gamma:.3g}" for layer in layers]
    _bars(axes[0, 0], layers, "gamma", BLUE, [layer.gamma or 0 for layer in layers], unknown)
    entropy = [layer.entropy for layer in layers]
    _bars(axes[0, 1], layers, "entropy in bits", GREEN, entropy, [f"{e:.2f}" for e in entropy],
          [layer.bound for layer in layers])
    used, there = ([layer.effective_levels for layer in layers],
                   [len(layer.levels) for layer in layers])
    _bars(axes[1, 0], layers, "effective levels", ORANGE, used,
          [f"{u} of {n}" for u, n in zip(used, there, strict=True)], there)
    axes[1, 0].yaxis.set_major_locator(MaxNLocator(integer=True))
    activity = [100 * layer.activity for layer in layers]
    _bars(axes[1, 1], layers, "neuron-timesteps that fire, %", RED, activity,
          [f"{a:.1f} %" for a in activity])
    return _png(figure, "Layer by layer", "grey: what the number of levels allows")


def _bars(axis, layers, title, colour, values, texts, limits=None):
    """A bar a layer, before the limit that it has; few enough bars are labelled."""
    places = np.arange(len(layers))
    if limits:
        axis.bar(places, limits, width=0.78, color=PALE)
    axis.bar(places, values, width=0.6, color=colour)
    axis.set_ylabel(title)
    axis.set_xlim(-0.7, len(layers) - 0.3)
    axis.set_xticks(places, [layer.name for layer in layers],
                    rotation=0 if len(layers) <= LEVEL else 90)
    axis.margins(y=0.12)
    for place, value, text in zip(places, values, texts, strict=True):
        if len(layers) <= LABELLED:
            axis.annotate(text, (place, value), xytext=(0, 2), textcoords="offset points",
                          ha="center", fontsize=8)


def draw_surrogates(curves, trained_with=None):
    """PNG bytes: a row a population, at most four of them; a panel a surrogate, before the
    staircase (Fig. 3 and 4).  ``trained_with`` is the surrogate that stands out."""
    if len(curves) > ROWS:
        curves = [curves[k] for k in np.linspace(0, len(curves) - 1, ROWS).round().astype(int)]
    names = list(curves[0].slopes)
    figure, axes = _figure(len(curves), len(names), 2.7, 2.4)
    for row, curve in zip(axes, curves, strict=True):
        for axis, name in zip(row, names, strict=True):
            _surrogate(axis, curve, name, name == trained_with)
        row[0].set_ylabel(f"{curve.name}: gamma {curve.gamma:.3g}, N_max {curve.n_max}\n"
                          "d level / dU", fontsize=8)
        row[-1].stairs_axis.set_ylabel("level", color=GREY)
    for axis, name in zip(axes[0], names, strict=True):
        axis.set_title(name, fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("membrane U")
    note = "grey: the staircase" + ("; orange: what the network was "
                                    "trained with" if trained_with in names else "")
    return _png(figure, "Surrogate derivatives at each population's gamma and N_max", note)


def _surrogate(axis, curve, name, chosen):
    stairs = axis.stairs_axis = axis.twinx()
    stairs.fill_between(curve.membrane, curve.staircase, step="post", color=PALE, linewidth=0)
    stairs.set_ylim(0, curve.n_max * 1.15)
    stairs.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    stairs.tick_params(colors=GREY, labelsize=8)
    stairs.spines[["top", "left"]].set_visible(False)
    axis.set_zorder(stairs.get_zorder() + 1)
    axis.patch.set_visible(False)
    axis.plot(curve.membrane, curve.slopes[name], color=RED if chosen else BLUE, linewidth=1.8)
    axis.set_ylim(0, max(curve.slopes[name].max() * 1.15, 1e-9))


def _figure(rows, columns, width, height):
    """A figure and its axes ``(rows, columns)``, each so many inches."""
    figure = Figure(figsize=(columns * width + 0.6, rows * height + 0.8), dpi=144,
                    layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, axes


def _png(figure, title, note=""):
    figure.suptitle(title + (f"\n{note}" if note else ""), x=0.01, ha="left", fontsize=11,
                    color=INK)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
