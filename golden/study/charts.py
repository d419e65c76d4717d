"""Pictures of a table's rows: learning curves, and accuracy against operations."""

import io

import numpy as np

__all__ = ["draw_curves", "draw_operations"]

# Okabe and Ito's, which colour-blind readers can tell apart; then the same again, dashed.
COLOURS = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#222222"
SIZE = 7.2, 4.2  # Inches.


def draw_curves(rows):
    """SVG text: a line a row, the mean over its seeds, in a band from the worst seed to the best.

    ``rows`` maps a name to one list of accuracies (0..1), one an epoch, for each seed.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axis = _figure()
    for k, (name, seeds) in enumerate(rows.items()):
        found = 100 * np.array(seeds)
        epochs = np.arange(1, found.shape[1] + 1)
        colour, dash = _style(k)
        axis.plot(epochs, found.mean(0), label=f"{name}  {found.mean(0)[-1]:.1f} %", color=colour,
                  linestyle=dash)
        axis.fill_between(epochs, found.min(0), found.max(0), color=colour, alpha=0.15, linewidth=0)
    axis.set_xlabel("epoch")
    axis.set_ylabel("validation images right, %")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="lower right", fontsize=8, frameon=False, title="after the last epoch")
    return _svg(figure)


def draw_operations(rows):
    """SVG text: a point a row, the mean over its seeds, with bars from the least to the most.

    ``rows`` maps a name to a pair ``(operations an image, accuracy 0..1)`` for each seed.  Rows
    whose names are equal up to the first comma are joined by a line, in the order given.  The grey
    stairs are the Pareto front: below them some row has fewer operations for no less accuracy.
    """
    lines = {}
    for name, seeds in rows.items():
        lines.setdefault(name.partition(", ")[0], []).append(np.array(seeds, float) * (1, 100))
    means = sorted(tuple(found.mean(0)) for line in lines.values() for found in line)

    figure, axis = _figure()
    front, best = [], -np.inf
    for operations, accuracy in means:
        if accuracy > best:
            front.append((operations, accuracy))
            best = accuracy
    front.append((means[-1][0], best))
    axis.step(*zip(*front, strict=True), where="post", color="#aaaaaa", linewidth=5, alpha=0.5)
    for k, (name, line) in enumerate(lines.items()):
        least, mean, most = (np.array([reduce(found, axis=0) for found in line]).T
                             for reduce in (np.min, np.mean, np.max))
        across, along = zip(mean - least, most - mean, strict=True)
        colour, dash = _style(k)
        axis.errorbar(*mean, xerr=across, yerr=along, label=name, marker="o", markersize=4,
                      elinewidth=0.8, color=colour, linestyle=dash)
    axis.set_xlabel("synaptic operations an image, an addition a digit")
    axis.set_ylabel("test images right in integers, %")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.legend(loc="lower right", fontsize=8, frameon=False)
    return _svg(figure)


def _style(k):
    return COLOURS[k % len(COLOURS)], "-" if k < len(COLOURS) else "--"


def _figure():
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axis = figure.subplots()
    axis.spines[["top", "right"]].set_visible(False)
    return figure, axis


def _svg(figure):
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    text = io.BytesIO()
    # The same text for the same figures: neither a date nor names from a random salt.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "qblif"}):
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
    return text.getvalue().decode()
