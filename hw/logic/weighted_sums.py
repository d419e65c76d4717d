"""The two ways to weigh and add levels: compressor trees, and adders that sums share."""

import numpy as np

from ...golden.spec.errors import InvalidValue, QblifError
from .adder_graph import shared_adders
from .compressor_tree import compressor_trees

__all__ = ["METHODS", "make_sums"]

METHODS = ("compressors", "shared")


def make_sums(matrix, inputs, method="compressors", width=None):
    """What computes ``matrix``, integer weights ``(sums, inputs)``, of inputs with levels up to
    ``inputs``: a :class:`~qblif.hw.logic.compressor_tree.CompressorTrees` or an
    :class:`~qblif.hw.logic.adder_graph.AdderGraph`.

    ``width`` is that of the sums in signed bits where no constant may be left to be added.  Raises
    :class:`ValueError` for a method that there is not, or that is not installed.
    """
    if method not in METHODS:
        raise InvalidValue(f"Adders must be one of {', '.join(METHODS)}, not {method!r}")
    matrix, inputs = np.asarray(matrix, np.int64), tuple(inputs)
    graph = shared_adders(matrix, inputs) if method == "shared" else \
        compressor_trees(matrix, inputs, width)
    levels = _probes(inputs)
    if not np.array_equal(graph.sums(levels), levels @ matrix.T):
        raise QblifError("The adders do not compute their weights: please report it")
    return graph


def _probes(inputs):
    """Levels that any wrong weight shows itself with: each input alone, all, none, and random."""
    limits = np.array(inputs, np.int64)
    random = np.random.default_rng(0).integers(0, limits + 1, (64, len(inputs)))
    return np.vstack([np.diag(np.minimum(limits, 1)), np.diag(limits), 0 * limits, limits, random])
