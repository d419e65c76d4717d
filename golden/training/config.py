"""How a network is trained: one frozen, validated description.

The documented presets are in :mod:`qblif.golden.training.recipes`.
"""

import math
from dataclasses import asdict, dataclass

from ..spec.axes import LEVEL_LIMIT, Decay, Neuron, Quadratic, Quantiser, Reset
from ..spec.checks import check_int, check_type

__all__ = ["TrainConfig"]

SURROGATE_NAMES = ("relsg-et", "box-et", "rectangular", "arctan", "sigmoid", "quadratic-window")
LEAKS = ("shift", "quadratic")
OPTIMISERS = ("adamw", "sgd")
POLICIES = ("", "cifar10", "imagenet")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Topology, neuron and recipe of a network.

    ================ ==========================================================================
    field            meaning
    ================ ==========================================================================
    net              a name or a chain that :func:`qblif.golden.training.nets.build` knows
    width            factor on every channel count and hidden size
    hidden           sizes of the hidden populations of a dense network
    timesteps        T
    n_max            largest burst level of the hidden populations: one number, or one each
    spacing          of these levels: one of :attr:`qblif.golden.spec.Quantiser.SPACINGS`
    output           one of :attr:`qblif.golden.spec.Neuron.OUTPUTS`
    input_n_max      largest burst level of a pixel
    w_width          weight width in bits
    v_width          hidden membrane width in bits, saturating; ``None`` derives one that cannot
                     overflow
    beta, alpha      leak factor and reset strength of eq. 8; beta and 1 - alpha round to the
                     nearest :class:`~qblif.golden.spec.Decay`
    terms            largest number of shifts in such a factor, 1 or 2
    leak_kind        shift (beta) or quadratic
    a, u1, u2        the quadratic leak's parameters, u1 and u2 in levels; they round to the nearest
                     :class:`~qblif.golden.spec.Quadratic`
    reset_kind       one of :attr:`qblif.golden.spec.Reset.KINDS`
    surrogate        a name of :data:`qblif.golden.training.surrogate.SURROGATES`
    gamma            gamma's value before training
    learn_gamma      whether training changes it
    gain             standard deviation of a hidden neuron's current before training; eq. 12's tails
                     are 1 wide in these units, so a large gain (with gamma) makes them short.  The
                     norms see timesteps and frames as one batch, so a gain equal to gamma is tdBN
                     (Zheng et al. 2021) with alpha = 1
    validation       images held out of the training set, equally many a class, to choose epochs
                     and settings by; 0 for none
    epochs           epochs of the float network
    qat_epochs       epochs in the hardware's fixed point, from the float network
    batch            frames per step, over all processes
    optimiser        of the float phase: adamw, or sgd with Nesterov's momentum; adamw in QAT
    momentum         of sgd
    lr               peak learning rate of the float phase (one cycle: cosine up, cosine down to 0)
    qat_lr           the same in QAT, as a share of each tensor's root mean square
    warm_up          share of a phase's steps in which the learning rate rises
    weight_decay     on weights only; decoupled with adamw
    smoothing        label smoothing
    mixup, cutmix    parameters of torchvision's MixUp and CutMix, 0 for none; with both, one of
                     them at random for each step (float phase only)
    amp              bfloat16 where autocast allows it, in the float phase; a GPU's wish
    channels_last    memory order of maps; faster on most devices
    workers          processes that read and augment single images; 0 does it in the training's
    activity         weight of the activity penalty: the mean over hidden neurons of
                     ``sum over t of log2(1 + level)``, about the digits that a burst costs
    shift            augmentation: largest translation, in pixels
    rotate, shear    augmentation: largest angles, in degrees
    scale            augmentation: largest relative change of size
    crop             augmentation: largest translation by whole pixels
    flip             augmentation: mirror half of the images
    cutout           augmentation: side of a square of zeros in each image
    auto_augment     augmentation: torchvision's AutoAugment policy, "", "cifar10" or "imagenet"
    seed             of initialisation, order and augmentation
    threads          CPU threads; sums round differently with another number
    ================ ==========================================================================
    """

    net: str = "dense"
    width: float = 1.0
    hidden: tuple[int, ...] = (128,)
    timesteps: int = 2
    n_max: int | tuple[int, ...] = 15
    spacing: str = "uniform"
    output: str = "level"
    input_n_max: int = 2
    w_width: int = 8
    v_width: int | None = None
    beta: float = 0.5
    alpha: float = 1.0
    terms: int = 1
    leak_kind: str = "shift"
    a: float = 0.25
    u1: float = 0.0
    u2: float = 0.5
    reset_kind: str = "gate"
    surrogate: str = "relsg-et"
    gamma: float = 4.0
    learn_gamma: bool = True
    gain: float = 16.0
    validation: int = 0
    epochs: int = 100
    qat_epochs: int = 8
    batch: int = 512
    optimiser: str = "adamw"
    momentum: float = 0.9
    lr: float = 1e-2
    qat_lr: float = 1e-2
    warm_up: float = 0.2
    weight_decay: float = 1e-4
    smoothing: float = 0.05
    mixup: float = 0.0
    cutmix: float = 0.0
    amp: bool = False
    channels_last: bool = False
    workers: int = 0
    activity: float = 0.02
    shift: float = 0.0
    rotate: float = 0.0
    shear: float = 0.0
    scale: float = 0.0
    crop: int = 0
    flip: bool = False
    cutout: int = 0
    auto_augment: str = ""
    seed: int = 0
    threads: int = 1

    def __post_init__(self):
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if not self.hidden:
            raise ValueError("Hidden sizes must name at least one population")
        for size in self.hidden:
            check_int("Hidden size", size, 1, 1 << 16)
        for what, field, low, high in (
                ("Timesteps", "timesteps", 1, 1024),
                ("Input N_max", "input_n_max", 1, LEVEL_LIMIT), ("Weight width", "w_width", 2, 16),
                ("Validation images", "validation", 0, None),
                ("Epochs", "epochs", 1, None), ("QAT epochs", "qat_epochs", 0, None),
                ("Decay terms", "terms", 1, 2), ("Batch", "batch", 2, None),
                ("Crop", "crop", 0, 1000), ("Cutout", "cutout", 0, 1000),
                ("Workers", "workers", 0, 1024),
                ("Seed", "seed", 0, (1 << 63) - 1), ("Threads", "threads", 1, 1024)):
            check_int(what, getattr(self, field), low, high)
        if isinstance(self.n_max, list):
            object.__setattr__(self, "n_max", tuple(self.n_max))
        for n_max in self.n_max if isinstance(self.n_max, tuple) else (self.n_max,):
            check_int("N_max", n_max, 1, LEVEL_LIMIT)
        if self.v_width is not None:
            check_int("Membrane width", self.v_width, 2, 30)
        for what, field, low, high in (
                ("Beta", "beta", 0, 1), ("Alpha", "alpha", 0, 1), ("a", "a", 0, 4),
                ("u1", "u1", -15, 15), ("u2", "u2", -15, 15), ("Gamma", "gamma", 1e-6, 1e6),
                ("Gain", "gain", 1e-6, 1e6), ("Width factor", "width", 1e-3, 1e3),
                ("Momentum", "momentum", 0, 1), ("Warm-up", "warm_up", 0, 0.99),
                ("MixUp", "mixup", 0, 100), ("CutMix", "cutmix", 0, 100),
                ("Learning rate", "lr", 0, 10), ("QAT learning rate", "qat_lr", 0, 10),
                ("Weight decay", "weight_decay", 0, 10), ("Label smoothing", "smoothing", 0, 0.99),
                ("Activity penalty", "activity", 0, 1e6), ("Shift", "shift", 0, 1000),
                ("Rotation", "rotate", 0, 180), ("Shear", "shear", 0, 60),
                ("Scale change", "scale", 0, 0.9)):
            _check_real(what, getattr(self, field), low, high)
        for what, field, names in (("Surrogate", "surrogate", SURROGATE_NAMES),
                                   ("Leak", "leak_kind", LEAKS),
                                   ("Spacing of levels", "spacing", Quantiser.SPACINGS),
                                   ("Output", "output", Neuron.OUTPUTS),
                                   ("Optimiser", "optimiser", OPTIMISERS),
                                   ("AutoAugment policy", "auto_augment", POLICIES)):
            if getattr(self, field) not in names:
                raise ValueError(f"{what} must be one of {', '.join(filter(None, names))}, "
                                 f"not {getattr(self, field)!r}")
        for what, field, kind in (("Network", "net", str), ("Mixed precision", "amp", bool),
                                  ("Channels last", "channels_last", bool),
                                  ("Learnable gamma", "learn_gamma", bool),
                                  ("Flip", "flip", bool)):
            check_type(what, getattr(self, field), kind)
        Reset(kind=self.reset_kind)  # It says which kinds there are.

    @property
    def leak(self):
        if self.leak_kind == "quadratic":
            return Quadratic.nearest(self.a, self.u1, self.u2)
        return Decay.nearest(self.beta, self.terms)

    @property
    def reset(self):
        return Reset(kind=self.reset_kind, gate=Decay.nearest(1 - self.alpha, self.terms))

    def n_max_of(self, k):
        """N_max of the ``k``-th hidden population."""
        if not isinstance(self.n_max, tuple):
            return self.n_max
        return self.n_max[min(k, len(self.n_max) - 1)]  # Whoever builds counts them in the end.

    def to_dict(self):
        """Plain values, for notes and checkpoints."""
        n_max = list(self.n_max) if isinstance(self.n_max, tuple) else self.n_max
        return asdict(self) | {"hidden": list(self.hidden), "n_max": n_max}


def _check_real(what, value, low, high):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what} must be a number, not {value!r}")
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{what} must be in {low}..{high}, not {value}")
