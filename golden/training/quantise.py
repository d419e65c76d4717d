"""From a float network to fixed point: norms folded, scales absorbed, fraction bits chosen.

An edge's weights are divided by its target's gamma and multiplied by its source's (eq. 10), and by
the factor of its average pool; a residual edge is a weight a channel, the ratio of the gammas.
"""

import logging
import math
from dataclasses import replace

import torch
from torch import nn

from ..spec import Conv2d, Dense, Input, Quadratic, as_map
from ..spec.errors import InvalidValue
from .modules import BurstNet
from .powers import grid_of, real_weight
from .qat import QATNet, QATReadout, QATStage
from .qat_edge import QATEdge
from .retarget import WidthLimits, check_edges

__all__ = ["fold_norm", "fraction_bits", "quantise", "readout_scale"]

log = logging.getLogger(__name__)

MIN_LEAK_HEADROOM = 4  # f - k below this: the shift leak's dead zone is a visible part of a level.
FRACTION = 3  # Bits below weights that are powers: thresholds and biases are that much finer.
MOST_THETA = 1 << 14  # That of a channel which a norm has made almost constant.
IDENTITY_WIDTH = 16  # Most bits of a residual edge's few weights, which take no part in the grid.


def quantise(net: BurstNet, w_width, v_width=None, like=None):
    """A :class:`~qblif.golden.training.qat.QATNet` from a trained float network.

    Each population has one grid, which its edges share.  ``like`` is a network of the same graph
    whose grids and widths are taken instead of what suits these weights best.  Warns where the
    leak's dead zone would be coarse; raises :class:`ValueError` where a membrane of ``v_width``
    bits cannot hold a threshold.
    """
    if like:
        check_edges(net, like)
    gammas, shapes = net.gammas, {Input.name: net.input_shape}
    device = next(net.parameters()).device
    stages = []
    for stage in net.stages:
        grid = grid_of(stage.edges[0].synapse)
        layers, synapses = [], []
        for edge in stage.edges:  # The first is not recurrent.
            layers.append(_layer(edge, shapes[edge.source]).to(device))
            synapses.append(_synapse(edge, layers[-1], stage.name,
                                     w_width if grid is None else grid.w_width))
            shapes[stage.name] = _shape(synapses[0], shapes, layers[0])
        gamma = gammas.get(stage.name, 1.0)
        if grid is not None:
            unit = gammas[stage.edges[0].source] / gamma / math.prod(stage.edges[0].pool)
            stages.append(_power_stage(stage, shapes[stage.name], grid, synapses[0], layers[0],
                                       unit, v_width))
            continue
        weights, biases = [], []
        for edge, layer in zip(stage.edges, layers, strict=True):
            weight, bias = fold_norm(layer, edge.norm)
            weights.append(weight * gammas[edge.source] / gamma / math.prod(edge.pool))
            biases.append(bias / gamma)
        limits = None
        if like:
            limits = WidthLimits.of(like, like.source(stage.name))
            synapses = [replace(s, w_width=t.w_width) for s, t in zip(
                synapses, like.synapses_to(stage.name), strict=True)]
        stages.append(_stage(stage, shapes[stage.name], synapses, weights, sum(biases), v_width,
                             limits))
        if stage.neuron is not None and net.timesteps > 1:
            _check_headroom(stage.name, int(stages[-1].f), stage.neuron.leak)
    for stage in stages[:-1]:
        _check_width(stage.name, stage.most_theta, stage.v_width)
    return QATNet(stages, net.input_shape, net.timesteps, net.input_n_max, net.static,
                  net.encoder)


def _stage(stage, shape, synapses, weights, bias, v_width, limits):
    chosen = [w for w, e in zip(weights, stage.edges, strict=True)
              if not isinstance(e.synapse, nn.Identity)] or weights
    grid = torch.cat([w.flatten() for w in chosen])
    w_width = synapses[0].w_width
    least = Quadratic.FRACTION if stage.neuron and stage.neuron.leak.kind == "quadratic" else 0
    f = limits.f if limits else fraction_bits(grid, w_width, least)
    scale = 2.0**f if stage.neuron is not None else readout_scale(grid, w_width)
    edges = [QATEdge(_widened(s, w * scale) if isinstance(e.synapse, nn.Identity) and not limits
                         else s, w.float())
             for s, w, e in zip(synapses, weights, stage.edges, strict=True)]
    if stage.neuron is None:
        return QATReadout(stage.name, shape, edges, bias.float(), scale=scale, limits=limits)
    return QATStage(stage.name, shape, edges, bias.float(), f=f, neuron=stage.neuron,
                        v_width=limits.v_width if limits else v_width, limits=limits)


def _power_stage(stage, shape, grid, synapse, layer, unit, v_width):
    """A population of one synapse whose weights are powers: its norm becomes thresholds and biases.

    ``unit`` is what a level of the source is in levels of the population.
    """
    edge, neuron = stage.edges[0], stage.neuron
    real = real_weight(edge.synapse).detach().double()
    _, bias = fold_norm(layer, edge.norm)
    factor = unit * norm_scale(edge.norm, real)
    step = factor * grid.integers(real)[1].flatten()  # Of an integer weight, in levels.
    weight = (real * torch.where(factor < 0, -1, 1).reshape(-1, *[1] * (real.dim() - 1))
              ).reshape(layer.weight.shape).float()
    if neuron is None:
        return QATReadout(stage.name, shape, [QATEdge(synapse, weight, grid)], bias.float(),
                          scale=1 / float(step[0]))
    thetas = (2.0**FRACTION / step.abs()).round().clamp(1, MOST_THETA)
    edge = QATEdge(replace(synapse, w_width=grid.w_width + FRACTION), weight, grid, FRACTION)
    return QATStage(stage.name, shape, [edge], (bias / neuron.gamma.detach()).float(),
                    f=int(thetas.min()).bit_length() - 1, neuron=neuron, v_width=v_width,
                    thetas=thetas.float())


def _layer(edge, source_shape):
    """The edge's synapse as a Linear, or as the Conv2d that a pool or a residual edge needs."""
    layer = edge.synapse
    channels, *extents = as_map(source_shape)
    if isinstance(layer, nn.Identity):
        one = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
        nn.init.ones_(one.weight)
        return one
    if isinstance(layer, nn.Linear) and edge.pool != (1, 1):
        kernel = (extents[0] // edge.pool[0], extents[1] // edge.pool[1])
        whole = nn.Conv2d(channels, layer.out_features, kernel)
        whole.weight = nn.Parameter(layer.weight.detach().unflatten(1, (channels, *kernel)))
        whole.bias = layer.bias
        return whole
    return layer


def _synapse(edge, layer, target, w_width):
    if isinstance(layer, nn.Linear):
        return Dense(source=edge.source, target=target, w_width=w_width)
    return Conv2d(source=edge.source, target=target, w_width=w_width, kernel=layer.kernel_size,
                  stride=layer.stride, padding=layer.padding, groups=layer.groups, pool=edge.pool)


def _shape(synapse, shapes, layer) -> tuple[int, ...]:
    if synapse.kind == "dense":
        return (layer.out_features,)
    made = synapse.output_shape(shapes[synapse.source], layer.out_channels)
    return made if made[1:] != (1, 1) else made[:1]


def _widened(synapse, weight):
    """A residual edge with as many bits as its weights need, and no fewer than the others."""
    width = min(IDENTITY_WIDTH, 1 + int(weight.abs().max().round()).bit_length())
    return replace(synapse, w_width=max(synapse.w_width, width))


def fold_norm(layer, norm):
    """Weight and bias of a layer with the evaluation-mode batch norm behind it folded in.

    ``layer`` is a Linear or a Conv2d; either may lack a bias or an affine part; ``norm`` may be
    ``None``.
    """
    weight = layer.weight.detach().double()
    bias = torch.zeros(len(weight), dtype=torch.float64, device=weight.device)
    if layer.bias is not None:
        bias = layer.bias.detach().double()
    if norm is None:
        return weight, bias
    scale = norm_scale(norm, weight)
    bias = (bias - norm.running_mean.double()) * scale
    weight = weight * scale.reshape(-1, *[1] * (weight.dim() - 1))
    return weight, bias + norm.bias.detach().double() if norm.affine else bias


def norm_scale(norm, weight):
    """What an evaluation-mode batch norm multiplies each channel of ``weight`` by, or 1."""
    if norm is None:
        return torch.ones(len(weight), dtype=torch.float64, device=weight.device)
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    return scale * norm.weight.detach().double() if norm.affine else scale


def fraction_bits(weight, w_width, lowest=0, highest=16):
    """The f whose grid ``2**-f`` of ``w_width`` bits fits ``weight`` best, clipping included."""
    limit = 1 << w_width - 1

    def error(f):
        return float(((weight * 2.0**f).round().clamp(-limit, limit - 1) * 2.0**-f - weight)
                     .square().sum())

    return min(range(lowest, highest + 1), key=error)


def readout_scale(weight, w_width, candidates=64):
    """The real scale whose grid is nearest to ``weight`` after rounding and clipping."""
    limit = 1 << w_width - 1
    top = float(weight.abs().max()) or 1.0

    def error(scale):
        return float(((weight * scale).round().clamp(-limit, limit - 1) / scale - weight)
                     .square().sum())

    return min(((limit - 1) / top * (1 + i / candidates) for i in range(candidates)), key=error)


def _check_width(name, theta, v_width):
    least = 1 + theta.bit_length()
    if v_width is not None and v_width < least:
        raise InvalidValue(f"Membrane width must be at least {least}, to hold the threshold {theta}"
                           f" of {name}, not {v_width}")


def _check_headroom(name, f, leak):
    shifts = leak.subtract + leak.add if leak.kind == "decay" else ()
    if shifts and f - max(shifts) < MIN_LEAK_HEADROOM:
        log.warning("population %s: a level has %d fraction bits and the leak shifts by %d; "
                    "membranes below 2**-%d of a level will not leak",
                    name, f, max(shifts), f - max(shifts))
