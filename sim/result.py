"""What a simulation found."""

from dataclasses import dataclass

import numpy as np

from ..golden.spec.errors import InvalidValue

__all__ = ["Result", "Stalls"]


@dataclass(frozen=True, kw_only=True)
class Stalls:
    """How the bench disturbs the streams; the default is full speed.

    ``idle`` and ``stall`` are the probabilities, in 1/256 and up to 256, that the input pauses and
    that the result is not accepted in a cycle.  With ``shy`` the result is accepted only after it
    was seen to wait.
    """

    idle: int = 0
    stall: int = 0
    shy: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("idle", "stall"):
            if not 0 <= getattr(self, name) <= 256:
                raise InvalidValue(f"Stalls {name} must be in 0..256, not {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class Result:
    """Figures of one simulation; everything in cycles counts clock cycles.

    ``level_mismatches`` and ``membrane_mismatches`` map populations to counts over every neuron,
    timestep and frame that came out; ``score_mismatches`` counts fields of the score port.
    ``first`` describes the first of them, ``findings`` their causes; both are empty where nothing
    is wrong.  ``where`` is the first neuron that differs, in the order of computation,
    ``(population, neuron, frame)``, or ``None``.

    ``starts`` and ``ends`` are the cycles in which each frame's first and last input transfer was
    accepted, ``results`` those of its result; ``steps`` maps populations to the cycle of each
    timestep's last membranes, ``(frames, timesteps)``.  A stalled run has fewer results.
    """

    simulator: str
    frames: int
    level_mismatches: dict[str, int]
    membrane_mismatches: dict[str, int]
    class_mismatches: int
    score_mismatches: int
    levels_compared: int
    membranes_compared: int
    first: tuple[str, ...]
    where: tuple[str, int, int] | None
    findings: tuple[str, ...]
    stalled: bool
    classes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    results: np.ndarray
    steps: dict[str, np.ndarray]
    counters: dict[str, int]
    build_seconds: float
    run_seconds: float
    check_seconds: float
    build_cached: bool

    def __str__(self) -> str:
        wrong, membranes = sum(self.level_mismatches.values()), sum(
            self.membrane_mismatches.values())
        cycles = f"{self.latency.mean():,.0f} cycles a frame" if len(self.results) else "no result"
        return (f"{self.frames} frames on {self.simulator}: {wrong} of {self.levels_compared:,} "
                f"levels, {membranes} of {self.membranes_compared:,} membranes and "
                f"{self.class_mismatches} classes differ; {cycles}")

    @property
    def ok(self) -> bool:
        """Whether every frame came out and nothing differs."""
        return not self.findings

    @property
    def mismatches(self) -> int:
        """Levels, membranes, classes and fields of scores that differ, in all."""
        return (sum(self.level_mismatches.values()) + sum(self.membrane_mismatches.values())
                + self.class_mismatches + self.score_mismatches)

    @property
    def latency(self) -> np.ndarray:
        """Cycles from a frame's first input transfer to its result, ``(frames,)``."""
        return self.results - self.starts[:len(self.results)]

    @property
    def interval(self) -> np.ndarray:
        """Cycles between results, ``(frames - 1,)``."""
        return np.diff(self.results)
