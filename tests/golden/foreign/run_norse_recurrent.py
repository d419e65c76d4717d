"""Norse's recurrent neurons, which have the weights before them, against ``qblif.from_torch``.

A script as :mod:`run_frameworks`, which installs Norse::

    python tests/golden/foreign/run_norse_recurrent.py      # 1 where a spike differs
"""

import sys
from itertools import product

import numpy as np
import torch
from run_frameworks import FRAMES, SIZES, TIMESTEPS, install, linear
from torch import nn

from qblif.golden import integer
from qblif.golden.foreign.torch_model import convert_model


def compare(seed, v_leak, v_reset, autapses, timed):
    """``(spikes, how many differ)`` of recurrent neurons, a Linear and neurons."""
    import norse.torch as nt
    from norse.torch.functional.lif import LIFParameters
    draw, (inputs, hidden, outputs) = np.random.default_rng(seed), SIZES
    p = LIFParameters(*(torch.tensor(v) for v in (250.0, 500.0, v_leak, 3.0, v_reset)))
    weights = linear(draw, inputs, hidden).weight
    back = nn.Parameter(torch.tensor(draw.integers(-4, 4, (hidden, hidden))).float())
    first = (nt.LIFRecurrent if timed else nt.LIFRecurrentCell)(
        inputs, hidden, p, input_weights=weights, recurrent_weights=back, autapses=autapses)
    model = nt.SequentialState(first, linear(draw, hidden, outputs),
                               (nt.LIF if timed else nt.LIFCell)(p))
    x = torch.tensor(draw.random((TIMESTEPS, FRAMES, inputs)) < 0.5).float()
    levels = integer.run(convert_model(model, (inputs,), TIMESTEPS),
                         x.permute(1, 0, 2).numpy().astype(int)).levels
    model.return_hidden = True
    with torch.no_grad():
        if timed:
            hidden, _ = model(x)
            spikes = hidden[0], hidden[2]
        else:
            state, found = None, []
            for now in x:
                hidden, state = model(now, state)
                found.append((hidden[0], hidden[2]))
            spikes = tuple(torch.stack(s) for s in zip(*found, strict=True))
    return int(sum(s.sum() for s in spikes)), sum(
        int((levels[f"population{k}"] != s).sum()) for k, s in enumerate(spikes, 1))


def main():
    install()
    found = [compare(seed, *rest, autapses, timed) for seed, rest, autapses, timed in product(
        range(4), ((0.0, 0.0), (0.0, 0.5), (-1.0, 0.5)), (False, True), (False, True))]
    right = sum(bool(spikes) and not differ for spikes, differ in found)
    print(f"norse recurrent  {right} of {len(found)} networks equal to the spike")
    return right < len(found)


if __name__ == "__main__":
    sys.exit(main())
