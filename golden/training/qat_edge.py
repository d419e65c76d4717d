"""One synapse in the hardware's fixed point, still trainable."""

from torch import nn
from torch.nn import functional

from ..spec import as_map
from .convolutions import exact_convolution, library_convolution
from .straight_through import round_to, straight_through

__all__ = ["QATEdge"]


class QATEdge(nn.Module):
    """The integers of one synapse, a :class:`~qblif.golden.spec.Dense` or ``Conv2d``.

    ``weight`` is trained in units of one level of the target (the edge divided by the target's
    gamma, times the source's gamma and the pool's average); in fixed point it is multiplied by the
    population's scale and rounded to ``synapse.w_width`` bits.  With ``grid``, a
    :class:`~qblif.golden.training.powers.PowerGrid`, it is in units of its own and becomes that
    grid's integers, times ``1 << fraction``.
    """

    def __init__(self, synapse, weight, grid=None, fraction=0):
        super().__init__()
        self.synapse, self.weight = synapse, nn.Parameter(weight)
        self.grid, self.fraction = grid, fraction

    def integers(self, scale):
        """Weights of the synapse's ``weight_shape``, integers held in floats."""
        if self.grid is not None:
            integers, unit = self.grid.integers(self.weight)
            one = 1 << self.fraction
            return straight_through(self.weight, integers * one, (integers != 0) * one / unit)
        return round_to(self.weight * scale, self.synapse.w_width)

    def forward(self, levels, weight):
        """Levels ``(timesteps, frames, ...)`` in, what they add to the target's current out."""
        x = levels.flatten(0, 1)
        if self.synapse.kind == "dense":
            return functional.linear(x.flatten(1), weight).unflatten(0, levels.shape[:2])
        x = x.reshape(len(x), *as_map(x.shape[1:]))
        if self.synapse.pool != (1, 1):
            x = functional.avg_pool2d(x, self.synapse.pool, divisor_override=1)
        convolve = library_convolution if self.training else exact_convolution
        return convolve(x, weight, self.synapse).unflatten(0, levels.shape[:2])
