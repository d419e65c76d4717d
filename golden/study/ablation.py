"""The paper's comparisons in one equal budget, on a network of any size.

``qblif ablation TABLE --data DIR`` trains every row of a table for several seeds and shows the
mean, the spread, and the paper's own figure beside it.

* ``neurons``: Table 5's five rows, and three with the rectangular window, the classical surrogate
  over the whole ladder, which the paper does not have.  Binary LIF is the paper's eq. 2 and 3: one
  level, a fixed threshold, the reset gate.  Its text leaves open, so that it is ours: I-LIF has a
  fixed threshold and reset by subtraction, as rectangular LIF has, and Box-ET is
  :func:`qblif.golden.training.surrogate.box_et`.
* ``box-et``: Table 5's first three rows with each reading of Box-ET (of one level, that of the
  first threshold is that of the ladder).
* ``reset``: the steps from I-LIF to QB-LIF, each alone, and eq. 8's alpha, of which the text has no
  value: with 1, ours, a neuron that fired loses the next timestep's input too.
* ``n-max``: Table 6, QB-LIF from one level to 20, with operations and the table's energy.
* ``timesteps``: QB-LIF at T = 1, 2 and 4.
* ``learned-n-max``: N_max of each population learned at several prices of a digit (``activity``),
  beside fixed ones at the same prices.
"""

import hashlib
import json
import statistics
from dataclasses import dataclass, replace

from ..spec.artifact import write_atomically
from ..training.data.readers import dataset_for
from ..training.recipes import CIFAR_VGG
from ..training.train import train
from .analysis import layers_of, take_census
from .energy import energies, synapse_costs

__all__ = ["BASE", "TABLES", "Row", "kept_in", "measure", "measure_once", "summary"]

CENSUS = 1000  # Test images of which operations are counted.

# CIFAR-10 in a minute on one core: 24,208 weights.
BASE = replace(CIFAR_VGG, net="16c3s2-32c3s2-64c3s2-p4", timesteps=2, n_max=20, epochs=8,
               qat_epochs=1, activity=0.0, threads=1)


@dataclass(frozen=True)
class Row:
    """A row's changes to the base configuration, and the paper's accuracy in percent if known."""

    changes: dict
    paper: float | None = None


PRICES = 0.0, 0.02, 0.1, 0.3
FIXED = {"learn_gamma": False, "reset_kind": "subtract"}
WINDOW = {"surrogate": "rectangular"}
BOX, TAILS = {"surrogate": "box-et"}, {"surrogate": "relsg-et"}
TABLES = {
    "neurons": {
        "binary LIF, Box-ET": Row({"n_max": 1, "learn_gamma": False, **BOX}, 90.50),
        "I-LIF, Box-ET": Row(FIXED | BOX, 93.85),
        "QB-LIF, Box-ET": Row(BOX, 95.05),
        "I-LIF, ReLSG-ET": Row(FIXED | TAILS, 94.45),
        "QB-LIF, ReLSG-ET": Row(TAILS, 95.58),
        "binary LIF, rectangular": Row({"n_max": 1, **FIXED, **WINDOW}),
        "I-LIF, rectangular": Row(FIXED | WINDOW),
        "QB-LIF, rectangular": Row(WINDOW)},
    "box-et": {
        f"{neuron}, {surrogate}": Row(changes | {"surrogate": surrogate}, paper)
        for surrogate in ("box-et", "box-et-first", "box-et-each")
        for neuron, changes, paper in (
            ("binary LIF", {"n_max": 1, "learn_gamma": False}, 90.50), ("I-LIF", FIXED, 93.85),
            ("QB-LIF", {}, 95.05))
        if (neuron, surrogate) != ("binary LIF", "box-et-first")},
    "reset": {
        "I-LIF": Row(FIXED | TAILS),
        "I-LIF, gamma learned": Row({"reset_kind": "subtract", **TAILS}),
        "QB-LIF, gamma fixed": Row({"learn_gamma": False, **TAILS}),
        "QB-LIF, alpha 1": Row(TAILS),
        "QB-LIF, alpha 0.5": Row({"alpha": 0.5, **TAILS}),
        "QB-LIF, alpha 0.25": Row({"alpha": 0.25, **TAILS}),
        "QB-LIF, no reset": Row({"reset_kind": "none", **TAILS})},
    "n-max": {"binary" if n == 1 else f"N_max {n}": Row({"n_max": n}, paper)
              for n, paper in ((1, 90.50), (2, 93.35), (5, 94.13), (10, 94.64), (15, 95.03),
                               (20, 95.58))},
    "timesteps": {f"T = {t}": Row({"timesteps": t}, paper)
                  for t, paper in ((1, 95.40), (2, 96.21), (4, 96.43))},
    "learned-n-max": {
        f"{'learned' if learn else f'N_max {n}'}, price {price:g}":
            Row({"n_max": n, "learn_n_max": learn, "activity": price})
        for n, learn in ((1, False), (2, False), (4, False), (8, False), (15, False), (15, True))
        for price in PRICES},
}


def measure(config, dataset):
    """Train one row with one seed; returns accuracies, those of the validation images by epoch,
    seconds, operations and joules an image."""
    trained = train(config, dataset)
    levels = trained.spec.input.levels_of(dataset.test_images[:CENSUS])
    census = take_census(trained, levels)
    costs = synapse_costs(trained.spec, census)
    joules = {e.name: e.joules / census.frames for e in energies(costs, layers_of(trained, census))}
    operations = {mode: sum(c.sops[mode] for c in costs) / census.frames
                  for mode in ("repeat", "shift")}
    return {"float": trained.notes["accuracy_float"], "integer": trained.notes["accuracy_integer"],
            "validation": trained.notes.get("validation"), "seconds": trained.notes["seconds"],
            "operations": operations, "joules": joules,
            "n_max": [p.neuron.quantiser.n_max for p in trained.spec.firing if p.neuron.quantiser]}


def summary(found):
    """Mean and standard deviation over seeds of the accuracies in percent, other means, and the
    mean N_max of each population.  ``validation`` is of the last epoch, ``None`` where no images
    are held out."""
    def spread(values):
        values = [100 * value for value in values]
        return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0

    held_out = [run["validation"] for run in found if run["validation"]]
    return {
        "validation": spread([(one["quantised"] or one["float"])[-1] for one in held_out])
        if held_out else None,
        "float": spread([run["float"] for run in found]),
        "integer": spread([run["integer"] for run in found]),
        "n_max": [statistics.mean(one) for one in zip(*(run["n_max"] for run in found),
                                                      strict=True)],
        "shift": statistics.mean(run["operations"]["shift"] for run in found),
        "repeat": statistics.mean(run["operations"]["repeat"] for run in found),
        "nanojoules": 1e9 * statistics.mean(run["joules"]["paper"] for run in found)}


def kept_in(folder, config, prints):
    """The file in ``folder`` of a training on images of these
    :func:`~qblif.golden.training.checkpoint.fingerprints`, named by all that decides its result but
    the code, so that equal rows of two tables are trained once."""
    text = json.dumps([prints, config.to_dict()], sort_keys=True)
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def measure_once(config, data, path):
    """What ``path`` keeps of :func:`measure`, on the images in the folder ``data`` (``None`` for
    the embedded digits); where it is not there yet, it is trained first."""
    if not path.is_file():
        write_atomically(path, json.dumps(measure(config, dataset_for(config, data))).encode())
    return json.loads(path.read_text())
