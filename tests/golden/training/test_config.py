import json
import re
from dataclasses import replace

import pytest

from qblif.golden.spec import Decay
from qblif.golden.spec.errors import InvalidType
from qblif.golden.training.config import SURROGATE_NAMES, TrainConfig
from qblif.golden.training.nets import names
from qblif.golden.training.recipes import MNIST, OF_NETWORK, RECIPES
from qblif.golden.training.surrogate import SURROGATES


def test_names_of_surrogates_agree():
    assert tuple(SURROGATES) == SURROGATE_NAMES


def test_factors_snap_to_shifts():
    config = TrainConfig(beta=0.874, alpha=0.26)
    assert config.leak == Decay((3,)) and config.reset.gate == Decay((2,))
    assert TrainConfig(alpha=0.26, terms=2).reset.gate == Decay((2, 7))
    assert TrainConfig(alpha=1.0).reset.gate == Decay((0,))
    assert TrainConfig(beta=1.0).leak == Decay()


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name):
    config = RECIPES[name]
    assert TrainConfig(**json.loads(json.dumps(config.to_dict()))) == config


def test_every_network_has_a_recipe():
    assert set(OF_NETWORK) == set(names()) - {"dense"}
    assert set(OF_NETWORK.values()) <= set(RECIPES)


@pytest.mark.parametrize("field, value, reason", [
    ("hidden", (), r"^Hidden size must be given of at least one population, not \(\)$"),
    ("n_max", [], r"^N_max must be given of at least one population, not \(\)$"),
    ("fan_in", [], r"^Fan-in must be given of at least one population, not \(\)$"),
    ("reset_kind", ["zero"], r"^Reset must be one of none, .* not \['zero'\]$"),
    ("hidden", (8, 0), r"^Hidden size must be at least|^Hidden size must be in 1\.\.65536, not 0$"),
    ("timesteps", 0, r"^Timesteps must be in 1\.\.1024, not 0$"),
    ("n_max", 64, r"^N_max must be in 1\.\.63, not 64$"),
    ("input_n_max", 0, r"^Input N_max must be in 1\.\.63, not 0$"),
    ("w_width", 17, r"^Weight width must be in 2\.\.16, not 17$"),
    ("v_width", 1, r"^Membrane width must be in 2\.\.30, not 1$"),
    ("beta", 1.1, r"^Beta must be in 0\.\.1, not 1\.1$"),
    ("alpha", -0.1, r"^Alpha must be in 0\.\.1, not -0\.1$"),
    ("lr", float("nan"), r"^Learning rate must be in 0\.\.10, not nan$"),
    ("reset_kind", "hard", r"^Reset must be one of none, .* not 'hard'$"),
    ("surrogate", "step", r"^Surrogate must be one of relsg-et, .* not 'step'$"),
    ("seed", -1, r"^Seed must be in 0\.\.\d+, not -1$"),
    ("optimiser", "adam", r"^Optimiser must be one of adamw, sgd, not 'adam'$"),
    ("auto_augment", "svhn", r"^AutoAugment policy must be one of cifar10, imagenet, not 'svhn'$"),
    ("warm_up", 1.0, r"^Warm-up must be in 0\.\.0\.99, not 1\.0$"),
    ("smoothing", 1.0, r"^Label smoothing must be in 0\.\.0\.99, not 1\.0$"),
])
def test_out_of_range(field, value, reason):
    with pytest.raises(ValueError, match=reason):
        replace(MNIST, **{field: value})


@pytest.mark.parametrize("field, value", [
    ("epochs", 2.5), ("beta", "0.5"), ("batch", True), ("flip", 1), ("net", 20), ("hidden", 128),
    ("hidden", "128"), ("hidden", {3: 4}), ("hidden", None), ("gamma_range", 5.0),
    ("input_thresholds", 64), ("n_max", "15"), ("n_max", None)])
def test_wrong_type(field, value):
    with pytest.raises(InvalidType, match=rf"must be (an integer|a number|a bool|a str|a tuple or a"
                                          rf" list), not {re.escape(repr(value))}$"):
        replace(MNIST, **{field: value})


@pytest.mark.parametrize("bounds, gamma, reason", [
    ((1.0,), 1.0, r"^Range of gamma must be \(least, most\), or empty, not \(1\.0,\)$"),
    ((2.0, 1.0), 1.0, r"^Range of gamma must be \(least, most\), or empty, not \(2\.0, 1\.0\)$"),
    ((0.0, 1.0), 1.0, r"^Bound of gamma must be in .* not 0\.0$"),
    ((0.1, 1.0), 4.0, r"^Gamma must be within its range \(0\.1, 1\.0\), not 4\.0$")])
def test_range_of_gamma(bounds, gamma, reason):
    with pytest.raises(ValueError, match=reason):
        TrainConfig(gamma=gamma, gamma_range=bounds)


@pytest.mark.parametrize("value, reason", [
    (1.5, r"^Share of validation images must be in 0\.\.0\.99, not 1\.5$"),
    (-1, r"^Validation images must be at least 0, not -1$")])
def test_validation(value, reason):
    with pytest.raises(ValueError, match=reason):
        TrainConfig(validation=value)
