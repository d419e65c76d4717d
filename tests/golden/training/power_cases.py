"""Networks whose weights are powers of two."""

from dataclasses import replace

import numpy as np
import torch
from train_cases import TINY

from qblif.golden.training.config import TrainConfig
from qblif.golden.training.nets import build

POWERS = TrainConfig(hidden=(17, 9), timesteps=1, gamma=0.3, gain=1.0, n_max=3, input_n_max=3,
                     w_width=3, w_spacing="powers", fan_in=(6, 5, 4))
SHORT = replace(TINY, timesteps=1, n_max=3, input_n_max=3, w_width=3, w_spacing="powers",
                fan_in=(10, 6, 6), gamma=1.0, gain=2.0, epochs=6)


def random_net(config=POWERS, shape=(20,), seed=0):
    """A float net whose norms have seen data; some of them turn their channel's sign round."""
    torch.manual_seed(seed)
    net = build(config, shape, 5)
    with torch.no_grad():
        for stage in net.stages[:-1]:
            stage.edges[0].norm.weight[::3] *= -0.7
            stage.edges[0].norm.bias.uniform_(0, 2)
    for _ in range(10):
        net(torch.randint(0, 4, (64, int(np.prod(shape)))).float())
    return net.eval()
