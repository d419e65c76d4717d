"""How a network is trained: one frozen, validated description, and the documented presets."""

import math
from dataclasses import asdict, dataclass

from .axes import LEVEL_LIMIT, Decay, Reset
from .checks import check_int

__all__ = ["EMBEDDED", "MNIST", "TrainConfig"]

SURROGATE_NAMES = ("relsg-et", "box-et", "rectangular", "arctan", "sigmoid")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Topology, neuron and recipe of a dense network.

    ================ ==========================================================================
    field            meaning
    ================ ==========================================================================
    hidden           sizes of the hidden populations
    timesteps        T
    n_max            largest burst level of the hidden populations
    input_n_max      largest burst level of a pixel
    w_width          weight width in bits
    v_width          hidden membrane width in bits, saturating; ``None`` derives one that cannot
                     overflow
    beta, alpha      leak factor and reset strength of eq. 8; beta and 1 - alpha snap to the
                     nearest :class:`~qblif.golden.spec.Decay`
    terms            largest number of shifts in such a factor, 1 or 2
    reset_kind       one of :attr:`qblif.golden.spec.Reset.KINDS`
    surrogate        a name of :data:`qblif.golden.surrogate.SURROGATES`
    gamma            gamma's value before training
    gain             standard deviation of a hidden neuron's current before training; eq. 12's tails
                     are 1 wide in these units, so a large gain (with gamma) makes them short
    epochs           epochs of the float network
    qat_epochs       epochs on the hardware's grid, from the float network
    batch            frames per step
    lr               peak learning rate of the float phase (one cycle: cosine up, cosine down to 0)
    qat_lr           the same on the grid, as a share of each tensor's root mean square
    weight_decay     decoupled, on weights only
    smoothing        label smoothing
    activity         weight of the activity penalty: the mean over hidden neurons of
                     ``sum over t of log2(1 + level)``, about the digits that a burst costs
    shift            augmentation: largest translation, in pixels
    rotate, shear    augmentation: largest angles, in degrees
    scale            augmentation: largest relative change of size
    seed             of initialisation, order and augmentation
    threads          CPU threads; sums round differently with another number
    ================ ==========================================================================
    """

    hidden: tuple[int, ...] = (128,)
    timesteps: int = 2
    n_max: int = 15
    input_n_max: int = 2
    w_width: int = 8
    v_width: int | None = None
    beta: float = 0.5
    alpha: float = 1.0
    terms: int = 1
    reset_kind: str = "gate"
    surrogate: str = "relsg-et"
    gamma: float = 4.0
    gain: float = 16.0
    epochs: int = 100
    qat_epochs: int = 8
    batch: int = 512
    lr: float = 1e-2
    qat_lr: float = 1e-2
    weight_decay: float = 1e-4
    smoothing: float = 0.05
    activity: float = 0.02
    shift: float = 0.0
    rotate: float = 0.0
    shear: float = 0.0
    scale: float = 0.0
    seed: int = 0
    threads: int = 1

    def __post_init__(self):
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if not self.hidden:
            raise ValueError("Hidden sizes must name at least one population")
        for size in self.hidden:
            check_int("Hidden size", size, 1, 1 << 16)
        for what, field, low, high in (
                ("Timesteps", "timesteps", 1, 1024), ("N_max", "n_max", 1, LEVEL_LIMIT),
                ("Input N_max", "input_n_max", 1, LEVEL_LIMIT), ("Weight width", "w_width", 2, 16),
                ("Epochs", "epochs", 1, None), ("QAT epochs", "qat_epochs", 0, None),
                ("Decay terms", "terms", 1, 2), ("Batch", "batch", 2, None),
                ("Seed", "seed", 0, (1 << 63) - 1), ("Threads", "threads", 1, 1024)):
            check_int(what, getattr(self, field), low, high)
        if self.v_width is not None:
            check_int("Membrane width", self.v_width, 2, 30)
        for what, field, low, high in (
                ("Beta", "beta", 0, 1), ("Alpha", "alpha", 0, 1), ("Gamma", "gamma", 1e-6, 1e6),
                ("Gain", "gain", 1e-6, 1e6),
                ("Learning rate", "lr", 0, 10), ("QAT learning rate", "qat_lr", 0, 10),
                ("Weight decay", "weight_decay", 0, 10), ("Label smoothing", "smoothing", 0, 0.99),
                ("Activity penalty", "activity", 0, 1e6), ("Shift", "shift", 0, 1000),
                ("Rotation", "rotate", 0, 180), ("Shear", "shear", 0, 60),
                ("Scale change", "scale", 0, 0.9)):
            _check_real(what, getattr(self, field), low, high)
        if self.surrogate not in SURROGATE_NAMES:
            raise ValueError(f"Surrogate must be one of {', '.join(SURROGATE_NAMES)}, "
                             f"not {self.surrogate!r}")
        Reset(kind=self.reset_kind)  # It says which kinds there are.

    @property
    def leak(self):
        return Decay.nearest(self.beta, self.terms)

    @property
    def reset(self):
        return Reset(kind=self.reset_kind, gate=Decay.nearest(1 - self.alpha, self.terms))

    def to_dict(self):
        """Plain values, for notes and checkpoints."""
        return asdict(self) | {"hidden": list(self.hidden)}


def _check_real(what, value, low, high):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what} must be a number, not {value!r}")
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{what} must be in {low}..{high}, not {value}")


# MNIST 784-128-10 from the published files.
MNIST = TrainConfig(shift=1.0, rotate=10.0, shear=6.0, scale=0.1)

# The 4,000 embedded digits: the same network; smaller steps, more epochs, larger changes.
EMBEDDED = TrainConfig(shift=1.5, rotate=12.0, shear=8.0, scale=0.12, batch=128, epochs=100,
                       qat_epochs=15)
