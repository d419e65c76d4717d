"""Convolutions of integers that are held in floats.

In evaluation mode one is exact on every device, being a matrix product over its windows.  In
training it is the library's: exact on a CPU, where that sums products directly; a GPU's may use
transforms that round, so its result is rounded to the nearest integer, which undoes small errors.
"""

from torch.nn import functional

from .straight_through import straight_through

__all__ = ["exact_convolution", "library_convolution"]


def library_convolution(x, weight, synapse):
    """The library's convolution; rounding undoes errors below a half."""
    y = functional.conv2d(x, weight, None, synapse.stride, synapse.padding, 1, synapse.groups)
    return straight_through(y, y.detach().round())


def exact_convolution(x, weight, synapse):
    """The same as a matrix product over windows, exact while sums stay below the float's limit."""
    windows = functional.unfold(x, synapse.kernel, 1, synapse.padding, synapse.stride)
    rows = weight.flatten(1).unflatten(0, (synapse.groups, -1))  # (groups, out, in x window)
    y = rows @ windows.unflatten(1, (synapse.groups, -1))
    extents = [(size + 2 * pad - k) // step + 1 for size, pad, k, step in zip(
        x.shape[2:], synapse.padding, synapse.kernel, synapse.stride, strict=True)]
    return y.flatten(1, 2).unflatten(2, extents)
