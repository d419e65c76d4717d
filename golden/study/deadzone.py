"""What the shift leak's rounding costs: floor leak against real-valued leak, same weights.

``python -m qblif.golden.study.deadzone --data FOLDER`` trains short networks and prints the table
that ``docs/`` quotes.
"""

import argparse
from dataclasses import replace

import torch

from ..spec.pixels import to_levels
from ..training.data.readers import embedded, load_folder
from ..training.quantise import quantise
from ..training.recipes import EMBEDDED, MNIST
from ..training.train import train_float

__all__ = ["compare", "real_decay"]


def real_decay(decay, x, theta=1):
    """The decay without rounding, which only a reference computes."""
    return x * decay.factor


@torch.no_grad()
def compare(net, levels, labels, f):
    """Accuracy with the floor leak and with the real leak, and the share of levels that differ.

    ``net`` is a trained :class:`~qblif.golden.training.modules.BurstNet`; both runs use the same
    integer weights, on a grid of ``f`` fraction bits and wide enough not to clip.
    """
    quantised = quantise(net, w_width=16)
    for stage in quantised.stages[:-1]:
        stage.f.fill_(f)
    floor = quantised(levels)
    for stage in quantised.stages[:-1]:
        stage.decay = real_decay
    real = quantised(levels)
    differ = [(a != b).double().mean() for a, b in zip(floor.levels, real.levels, strict=True)]
    return (*(float((o.logits.argmax(1) == labels).double().mean()) for o in (floor, real)),
            float(sum(differ) / len(differ)))


def main():
    parser = argparse.ArgumentParser(description="Measure the shift leak's dead zone.")
    parser.add_argument("--data", help="folder in MNIST's published format")
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    dataset = load_folder(arguments.data) if arguments.data else embedded()
    base = replace(MNIST if arguments.data else EMBEDDED, epochs=arguments.epochs, alpha=0.5)
    print("beta    T   k   f   f-k   floor %   real %   levels that differ %")
    for beta, timesteps in ((0.5, 2), (0.875, 2), (0.875, 4), (0.96875, 4)):
        config = replace(base, beta=beta, timesteps=timesteps)
        net = train_float(config, dataset).eval()
        k = config.leak.subtract[0]
        levels = torch.from_numpy(to_levels(dataset.test_images, config.input_n_max))
        labels = torch.from_numpy(dataset.test_labels.astype("int64"))
        for f in (2, 3, 4, 5, 6, 7, 9):
            floor, real, differ = compare(net, levels, labels, f)
            print(f"{beta:<7} {timesteps}   {k}   {f}   {f - k:3d}   {100 * floor:7.2f}   "
                  f"{100 * real:6.2f}   {100 * differ:.3f}", flush=True)


if __name__ == "__main__":
    main()
