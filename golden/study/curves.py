"""Learning curves of a table's rows: accuracy on the validation images, epoch by epoch."""

import io

import numpy as np

__all__ = ["draw_curves"]

# Okabe and Ito's, which colour-blind readers can tell apart; then the same again, dashed.
COLOURS = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#222222"
SIZE = 7.2, 4.2  # Inches.


def draw_curves(rows):
    """SVG text: a line a row, the mean over its seeds, in a band from the worst seed to the best.

    ``rows`` maps a name to one list of accuracies (0..1), one an epoch, for each seed.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=SIZE, layout="constrained")
    axis = figure.subplots()
    for k, (name, seeds) in enumerate(rows.items()):
        found = 100 * np.array(seeds)
        epochs = np.arange(1, found.shape[1] + 1)
        colour = COLOURS[k % len(COLOURS)]
        axis.plot(epochs, found.mean(0), color=colour, label=f"{name}  {found.mean(0)[-1]:.1f} %",
                  linestyle="-" if k < len(COLOURS) else "--")
        axis.fill_between(epochs, found.min(0), found.max(0), color=colour, alpha=0.15, linewidth=0)
    axis.set_xlabel("epoch")
    axis.set_ylabel("validation images right, %")
    axis.spines[["top", "right"]].set_visible(False)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="lower right", fontsize=8, frameon=False, title="after the last epoch")
    text = io.BytesIO()
    # The same text for the same figures: neither a date nor names from a random salt.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "qblif"}):
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
    return text.getvalue().decode()
