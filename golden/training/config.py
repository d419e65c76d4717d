"""How a network is trained: one frozen, validated description.

The documented presets are in :mod:`qblif.golden.training.recipes`.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from ..spec.axes import LEVEL_LIMIT, WIDTH_LIMIT, Decay, Neuron, Quadratic, Quantiser, Reset
from ..spec.checks import check_thresholds
from ..spec.errors import InvalidValue
from .config_augment import AugmentConfig
from .config_fields import (
    check_range,
    check_validation,
    checked,
    each,
    integer,
    of_type,
    one_of,
    real,
)
from .data.events import Binning

__all__ = ["TrainConfig"]

SURROGATE_NAMES = ("relsg-et", "box-et", "box-et-first", "box-et-each", "rectangular", "arctan",
                   "sigmoid", "quadratic-window", "mid-level")
LEAKS = ("shift", "quadratic")
OPTIMISERS = ("adamw", "sgd")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(AugmentConfig):
    """Topology, neuron and recipe of a network; augmentation is :class:`AugmentConfig`'s.

    ================ ==========================================================================
    field            meaning
    ================ ==========================================================================
    net              a name or a chain that :func:`qblif.golden.training.nets.build` knows
    width            factor on every channel count and hidden size
    hidden           sizes of the hidden populations of a dense network
    timesteps        T
    n_max            largest burst level of the hidden populations: one number, or one each
    learn_n_max      whether the float phase chooses each population's below it, at the price that
                     ``activity`` puts on digits
    spacing          of these levels: one of :attr:`qblif.golden.spec.Quantiser.SPACINGS`
    rounding         of a membrane to levels: one of :attr:`qblif.golden.spec.Quantiser.ROUNDINGS`
    output           one of :attr:`qblif.golden.spec.Neuron.OUTPUTS`
    input_n_max      largest burst level of a pixel
    input_thresholds pixels from which on a thermometer code has a 1, in ascending order, instead of
                     levels: as many inputs a pixel, with an ``input_n_max`` of 1; () for levels
    learn_thresholds whether the float phase moves them
    w_width          weight width in bits
    w_spacing        "uniform", every integer of so many bits; or "powers", 0 and signed powers of
                     two, with a threshold for each channel, into which its norm is folded: for
                     networks as logic
    fan_in           most weights of a neuron that are not 0, of those that are powers: one number,
                     or one for each population, the read-out last; 0 for all
    luts             price in the loss of 1,000 LUTs of their adders, by
                     :func:`qblif.golden.training.powers.estimate_luts`
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
    gamma_range      (least, most) of it in training, or () for none
    learn_gamma      whether training changes it
    gain             standard deviation of a hidden neuron's current before training; eq. 12's tails
                     are 1 wide in these units, so a large gain (with gamma) makes them short.  The
                     norms see timesteps and frames as one batch, so a gain equal to gamma is tdBN
                     (Zheng et al. 2021) with alpha = 1
    binning          of recordings of events into timesteps: by time, or by count
    window           microseconds a timestep, 0 for the recording's duration over the timesteps
    resolution       rows and columns to which images are resized, 0 for their own
    validation       images held out of the training set, equally many a class, to choose epochs
                     and settings by; below 1 a share of the smallest class; 0 for none
    epochs           epochs of the float network
    qat_epochs       epochs in the hardware's fixed point, from the float network
    batch            frames per step, over all processes
    optimiser        of the float phase: adamw, or sgd with Nesterov's momentum; adamw in QAT
    momentum         of sgd
    lr               peak learning rate of the float phase (one cycle: cosine up, cosine down to 0)
    gamma_lr         learning rate of gamma's logarithm, as a share of lr: a gamma collects the
                     gradients of all its neurons, so it moves further than a weight
    qat_lr           peak learning rate in QAT, as a share of each tensor's root mean square
    warm_up          share of a phase's steps in which the learning rate rises
    weight_decay     on weights only; decoupled with adamw
    smoothing        label smoothing
    teacher_share    share of a teacher's answers in the labels, where there is one
    mixup, cutmix    parameters of torchvision's MixUp and CutMix, 0 for none; with both, one of
                     them at random for each step (float phase only)
    mix_epochs       epochs after which neither is used any more; ``None`` for all
    amp              bfloat16 where autocast allows it, in the float phase; a GPU's wish
    channels_last    memory order of maps; faster on most devices
    compile          the float phase through torch.compile, on a GPU as one graph of kernels a step;
                     its sums may round differently
    workers          processes that read and augment single images; 0 does it in the training's
    activity         weight of the activity penalty: the sum over hidden populations of the mean
                     over frames and neurons of ``sum over t of log2(1 + level)``, about the digits
                     that a burst costs
    seed             of initialisation, order and augmentation
    threads          CPU threads; sums round differently with another number
    ================ ==========================================================================
    """

    net: str = of_type(str, "dense", "Network")
    width: float = real(1.0, "Width factor", 1e-3, 1e3)
    hidden: tuple[int, ...] = each((128,), "Hidden size", 1, 1 << 16)
    timesteps: int = integer(2, "Timesteps", 1, 1024)
    n_max: int | tuple[int, ...] = each(15, "N_max", 1, LEVEL_LIMIT)
    learn_n_max: bool = of_type(bool, False, "Learned N_max")
    spacing: str = one_of(Quantiser.SPACINGS, "uniform", "Spacing of levels")
    rounding: str = one_of(Quantiser.ROUNDINGS, "down", "Rounding to levels")
    output: str = one_of(Neuron.OUTPUTS, "level", "Output")
    input_n_max: int = integer(2, "Input N_max", 1, LEVEL_LIMIT)
    input_thresholds: tuple[int, ...] = checked((), check_thresholds)
    learn_thresholds: bool = of_type(bool, False, "Learned input thresholds")
    w_width: int = integer(8, "Weight width", 2, 16)
    w_spacing: str = one_of(Quantiser.SPACINGS, "uniform", "Spacing of weights")
    fan_in: int | tuple[int, ...] = each(0, "Fan-in", 0, 1 << 24)
    luts: float = real(0.0, "Price of LUTs", 0, 1e6)
    v_width: int | None = integer(None, "Membrane width", 2, WIDTH_LIMIT)
    beta: float = real(0.5, "Beta", 0, 1)
    alpha: float = real(1.0, "Alpha", 0, 1)
    terms: int = integer(1, "Decay terms", 1, 2)
    leak_kind: str = one_of(LEAKS, "shift", "Leak")
    a: float = real(0.25, "a", 0, 4)
    u1: float = real(0.0, "u1", -15, 15)
    u2: float = real(0.5, "u2", -15, 15)
    reset_kind: str = checked("gate", lambda kind: Reset(kind=kind))
    surrogate: str = one_of(SURROGATE_NAMES, "relsg-et", "Surrogate")
    gamma: float = real(4.0, "Gamma", 1e-6, 1e6)
    gamma_range: tuple[float, ...] = checked((), check_range)
    learn_gamma: bool = of_type(bool, True, "Learnable gamma")
    gain: float = real(16.0, "Gain", 1e-6, 1e6)
    binning: str = one_of(Binning.BY, "time", "Binning")
    window: int = integer(0, "Window", 0)
    resolution: int = integer(0, "Resolution", 0, 4096)
    validation: float = checked(0, check_validation)
    epochs: int = integer(100, "Epochs", 1)
    qat_epochs: int = integer(8, "QAT epochs", 0)
    batch: int = integer(512, "Batch", 2)
    optimiser: str = one_of(OPTIMISERS, "adamw", "Optimiser")
    momentum: float = real(0.9, "Momentum", 0, 1)
    lr: float = real(1e-2, "Learning rate", 0, 10)
    gamma_lr: float = real(1.0, "Gamma learning rate", 0, 10)
    qat_lr: float = real(1e-2, "QAT learning rate", 0, 10)
    warm_up: float = real(0.2, "Warm-up", 0, 0.99)
    weight_decay: float = real(1e-4, "Weight decay", 0, 10)
    smoothing: float = real(0.05, "Label smoothing", 0, 0.99)
    teacher_share: float = real(0.5, "Teacher's share", 0, 1)
    mixup: float = real(0.0, "MixUp", 0, 100)
    cutmix: float = real(0.0, "CutMix", 0, 100)
    mix_epochs: int | None = integer(None, "Epochs of MixUp and CutMix", 0)
    amp: bool = of_type(bool, False, "Mixed precision")
    channels_last: bool = of_type(bool, False, "Channels last")
    compile: bool = of_type(bool, False, "Compile")
    workers: int = integer(0, "Workers", 0, 1024)
    activity: float = real(0.02, "Activity penalty", 0, 1e6)
    seed: int = integer(0, "Seed", 0, (1 << 63) - 1)
    threads: int = integer(1, "Threads", 1, 1024)

    def __post_init__(self) -> None:
        for name in ("hidden", "n_max", "fan_in", "event_flip", "gamma_range", "input_thresholds"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for one in fields(self):
            one.metadata["check"](getattr(self, one.name))
        if self.w_spacing != "powers" and self.fan_in:
            raise InvalidValue(f"Fan-in must be 0 where weights are {self.w_spacing}, not "
                               f"{self.fan_in}: it is of weights that are powers")
        if self.w_spacing != "powers" and self.luts:
            raise InvalidValue(f"Price of LUTs must be 0 where weights are {self.w_spacing}, not "
                               f"{self.luts}: it is of weights that are powers")
        if self.learn_thresholds and not self.input_thresholds:
            raise InvalidValue("Learned input thresholds need input_thresholds to start from, "
                               "such as [64]")
        if self.w_spacing == "powers" and (self.compile or self.leak_kind == "quadratic"):
            what = "compile" if self.compile else "a quadratic leak"
            raise InvalidValue(f"Weights that are powers train without {what}")
        if self.input_thresholds and (self.input_n_max != 1 or self.small_epochs):
            raise InvalidValue("Input thresholds take input_n_max 1 and small_epochs 0, not "
                               f"{self.input_n_max} and {self.small_epochs}")
        if self.learn_n_max and self.compile:
            raise InvalidValue("Learned N_max cannot be compiled: set compile or learn_n_max to "
                               "false")
        if self.gamma_range and not self.gamma_range[0] <= self.gamma <= self.gamma_range[1]:
            raise InvalidValue(f"Gamma must be within its range {self.gamma_range}, not "
                               f"{self.gamma}")

    @property
    def leak(self) -> Decay | Quadratic:
        if self.leak_kind == "quadratic":
            return Quadratic.nearest(self.a, self.u1, self.u2)
        return Decay.nearest(self.beta, self.terms)

    @property
    def reset(self) -> Reset:
        return Reset(kind=self.reset_kind, gate=Decay.nearest(1 - self.alpha, self.terms))

    def n_max_of(self, k: int) -> int:
        """N_max of the ``k``-th hidden population."""
        return _of(self.n_max, k)

    def fan_in_of(self, k: int) -> int:
        """Fan-in of the ``k``-th population."""
        return _of(self.fan_in, k)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for notes and checkpoints."""
        return {name: list(value) if isinstance(value, tuple) else value
                for name, value in asdict(self).items()}


def _of(values, k):
    """The ``k``-th of several values, or the one for all."""
    if not isinstance(values, tuple):
        return values
    return values[min(k, len(values) - 1)]  # Whoever builds counts them in the end.
