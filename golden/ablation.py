"""The rows of the paper's Table 5 in one equal budget: neuron and surrogate by turns.

``python -m qblif.golden.ablation --data FOLDER`` trains each row and prints the table that
``docs/`` quotes.  The first two rows are the paper's baselines as we read them: LIF with one level
and I-LIF with N_max levels, both of a fixed threshold and reset by subtraction; the third is QB-LIF
with the classical surrogate that they have too.
"""

import argparse
from dataclasses import replace

from .data import embedded, load_folder
from .recipes import RECIPES
from .train import train

__all__ = ["ROWS", "row"]

CLASSICAL = "rectangular"
ROWS = {
    "binary LIF": {"n_max": 1, "learn_gamma": False, "reset_kind": "subtract",
                   "surrogate": CLASSICAL},
    "I-LIF": {"learn_gamma": False, "reset_kind": "subtract", "surrogate": CLASSICAL},
    "QB-LIF": {"surrogate": CLASSICAL},
    "QB-LIF, Box-ET": {"surrogate": "box-et"},
    "QB-LIF, ReLSG-ET": {"surrogate": "relsg-et"},
}


def row(name, base, dataset, seeds):
    """``[(float, integer accuracy, seconds)]`` of one row, a seed each."""
    found = []
    for seed in seeds:
        notes = train(replace(base, **ROWS[name], seed=seed), dataset).notes
        found.append((notes["accuracy_float"], notes["accuracy_integer"], notes["seconds"]))
    return found


def main():
    parser = argparse.ArgumentParser(description="Train the rows of the paper's Table 5.")
    parser.add_argument("--data", help="folder with a data set")
    parser.add_argument("--recipe", default="mnist-cnn", choices=RECIPES)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--timesteps", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    dataset = load_folder(arguments.data) if arguments.data else embedded()
    base = replace(RECIPES[arguments.recipe], epochs=arguments.epochs, qat_epochs=1,
                   timesteps=arguments.timesteps)
    print("row               float %   integer %   seconds   (a line a seed)")
    for name in ROWS:
        for full, exact, seconds in row(name, base, dataset, range(arguments.seeds)):
            print(f"{name:<17} {100 * full:7.2f}   {100 * exact:9.2f}   {seconds:7.0f}", flush=True)


if __name__ == "__main__":
    main()
