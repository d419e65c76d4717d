"""Generated Verilog against the integer model, on a Verilog simulator, frame by frame."""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ..golden import integer
from ..golden.spec.artifact import Trained
from ..hw.layout.compile import Layout
from ..hw.layout.memory_image import LoadWrite, load_writes
from ..hw.verilog import Generated, generate
from .bench_files import decode, encode_frames, encode_load, fields_of, read_log
from .bench_top import PERIOD, TOP, bench_top, counters
from .compare import compare, compare_classes, compare_scores
from .diagnose import diagnose
from .probe import Probe, read_wave
from .result import Result, Stalls
from .simulators import Build, SimulatorError, build, require, run

__all__ = ["Bench", "Outcome", "prepare", "simulate"]

SOURCES = Path(__file__).parent
FULL_SPEED = Stalls()
STANDSTILL = 10_000  # Cycles, and one for each accumulator that a reset clears.


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One simulation, prepared as files in ``folder`` that :meth:`run` reads.

    The simulator sees any change made to these files between :func:`prepare` and :meth:`run`, and
    :meth:`check` finds it where it makes a difference.
    """

    folder: Path
    simulator: str
    manifest: dict
    layout: Layout
    trained: Trained
    levels: np.ndarray
    expected: integer.Trace
    writes: tuple[LoadWrite, ...]
    probes: tuple[Probe, ...] = ()

    def build(self, cache=None):
        """Build the network and the bench around it, or take the build from the cache."""
        sources = [self.folder / "network.v", self.folder / "bench.v",
                   SOURCES / "player.v", SOURCES / "recorder.v"]
        if self.probes:
            sources.append(SOURCES / "watcher.v")
        return build(self.simulator, sources, TOP, cache)

    def run(self, built, progress=None):
        """Simulate; ``progress`` is called with the number of results so far."""
        def on_line(line):
            if progress and line.startswith("progress "):
                progress(int(line.split()[1]))

        (self.folder / "outcome.json").unlink(missing_ok=True)
        seconds = run(self.simulator, built, TOP, "qblif.sim.cocotb_bench", self.folder, on_line)
        try:
            state = json.loads((self.folder / "outcome.json").read_text())
        except OSError as error:
            raise SimulatorError("The simulator left no outcome; see "
                                 f"{self.folder / 'run.log'}") from error
        return Outcome(built, seconds, state)

    def check(self, outcome):
        """Compare everything that was recorded; returns a :class:`Result`."""
        started = time.monotonic()
        found = {stage.name: self._compare(stage) for stage in self.layout.stages}
        output = self._recording("o", "o__payload")
        wrong, words = compare_classes(output["label"], self.expected.classes)
        wrong_scores, score_words = compare_scores(
            self.trained.spec, self._recording("score", "score"), self.expected)
        starts, ends = read_log((self.folder / "i.log").read_text())
        result = Result(
            simulator=self.simulator, frames=len(self.levels),
            level_mismatches={n: c.level_mismatches for n, c in found.items()},
            membrane_mismatches={n: c.membrane_mismatches for n, c in found.items()},
            class_mismatches=wrong, score_mismatches=wrong_scores,
            levels_compared=sum(c.levels_compared for c in found.values()),
            membranes_compared=sum(c.membranes_compared for c in found.values()),
            first=tuple(word for c in found.values() for word in c.first)
            + words + score_words,
            where=next(((n, c.where[2], c.where[0]) for n, c in found.items() if c.where), None),
            findings=(), stalled=outcome.state["stalled"],
            classes=output["label"], starts=starts, ends=ends, results=output["cycle"],
            steps={name: c.steps for name, c in found.items()},
            counters=outcome.state["counters"],
            build_seconds=outcome.built.seconds, run_seconds=outcome.seconds,
            check_seconds=0.0, build_cached=outcome.built.cached)
        if self._is_wrong(result, outcome.state):
            result = replace(result, findings=diagnose(
                self.folder, self.manifest, self.layout, self.trained, self.levels, self.expected,
                self.writes, outcome.state))
        return replace(result, check_seconds=time.monotonic() - started)

    def waves(self, outcome):
        """The :class:`~qblif.sim.probe.Wave` of each probe that was watched, by its number."""
        return {k: read_wave(self.probes[k], path.read_bytes(), outcome.state["cycle"])
                for k, path in ((int(path.stem.removeprefix("probe_")), path)
                                for path in self.folder.glob("probe_*.txt"))}

    def discard(self):
        """Remove stimuli and recordings; the Verilog, its manifest and the log stay."""
        for pattern in ("*.hex", "*.txt", "i.log", "load.log"):
            for path in self.folder.glob(pattern):
                path.unlink()

    def _is_wrong(self, result, state):
        timesteps = self.trained.spec.timesteps
        every = sum(p.size for p in self.trained.spec.populations) * timesteps * result.frames
        return bool(result.mismatches or result.first or state["stalled"] or state["broken"]
                    or len(result.results) != result.frames or result.membranes_compared != every)

    def _compare(self, stage):
        name = stage.name
        return compare(stage, self._recording(f"trace_{name}", f"trace_{name}"),
                       self.expected.levels[name].numpy(), self.expected.membranes[name].numpy())

    def _recording(self, name, port):
        width = next(p["width"] for p in self.manifest["ports"] if p["name"] == port)
        return decode((self.folder / f"{name}.txt").read_bytes(), fields_of(self.manifest, port),
                      width)


@dataclass(frozen=True)
class Outcome:
    """Outcome of a run besides its files: the build, the run time in seconds, the final state."""

    built: Build
    seconds: float
    state: dict


def prepare(trained, layout, levels, *, simulator="verilator", out_dir, expected=None,
            stalls=FULL_SPEED, baked=False, generated=None, patience=None, probes=(), watch=()):
    """Write all files of one simulation into ``out_dir``; returns a :class:`Bench`.

    See :func:`simulate` for the parameters; ``probes`` can be watched, ``watch`` are the numbers of
    those that are.
    """
    require(simulator)
    layout.check(trained.spec)
    folder = Path(out_dir)
    levels = np.ascontiguousarray(levels)
    generated = generated or generate(layout, trained if baked else None)
    manifest = generated.manifest
    writes = () if baked else tuple(load_writes(trained, layout))
    if expected is None:
        expected = integer.run(trained, levels)
    job = asdict(stalls) | {
        "shy": int(stalls.shy), "watch": sum(1 << k for k in watch), "frames": len(levels),
        "counters": counters(manifest),
        "period": PERIOD, "stages": [p.name for p in trained.spec.populations],
        "standstill": patience or STANDSTILL + max(p.size for p in trained.spec.populations),
        "patience": patience or _patience(layout, stalls)}
    files = {
        "network.v": generated.verilog, "bench.v": bench_top(manifest, probes),
        "manifest.json": json.dumps(manifest, indent=1), "job.json": json.dumps(job),
        "i.hex": encode_frames(layout, manifest, levels),
        "load.hex": encode_load(manifest, writes)}
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("probe_*.txt"):
        stale.unlink()
    for name, text in files.items():
        (folder / name).write_text(text)
    return Bench(folder=folder, simulator=simulator, manifest=manifest, layout=layout,
                 trained=trained, levels=levels, expected=expected, writes=writes,
                 probes=tuple(probes))


def simulate(trained, layout, levels, *, simulator="verilator", out_dir, expected=None,
             stalls=FULL_SPEED, baked=False, generated: Generated | None = None, patience=None,
             cache=None, progress=None, keep=False):
    """Run ``levels`` through the generated Verilog of ``trained`` and compare all that it does.

    Parameters
    ----------
    trained : :class:`qblif.golden.spec.artifact.Trained`
    layout : :class:`qblif.hw.layout.compile.Layout`
    levels : integer array ``(frames, inputs)``, or ``(frames, timesteps, inputs)``
    simulator : ``"verilator"`` or ``"icarus"``
    out_dir : folder for the files of this run, which is made where it does not exist
    expected : :class:`qblif.golden.integer.Trace`, or ``None`` to compute it
    stalls : :class:`qblif.sim.result.Stalls`
    baked : weights in the Verilog's initial memory contents instead of written through the load
        port, which takes most of a short run; the build then fits this network file alone
    generated : Verilog and manifest in place of those generated from the layout
    patience : cycles without any accepted transfer after which the run counts as stalled
    cache : folder of builds in place of the user's cache
    progress : called from time to time with the number of results so far
    keep : keep stimuli and recordings; after a mismatch they are always kept

    Returns a :class:`qblif.sim.result.Result`.  Raises
    :class:`qblif.sim.simulators.SimulatorError` where the simulator is missing or fails,
    :class:`ValueError` for levels that do not fit the network, :class:`OSError` where ``out_dir``
    cannot be written.
    """
    bench = prepare(trained, layout, levels, simulator=simulator, out_dir=out_dir,
                    expected=expected, stalls=stalls, baked=baked, generated=generated,
                    patience=patience)
    result = bench.check(bench.run(bench.build(cache), progress))
    if result.ok and not keep:
        bench.discard()
    return result


def _patience(layout, stalls):
    """An upper bound on the cycles between two transfers of any stage."""
    busy = 0
    for stage in layout.stages:
        for engine in stage.engines:
            busy += sum(engine.most_words(synapse) for synapse in engine.synapses)
            busy += engine.weights.depth
        busy += 4 * stage.passes.all_vectors
    slow = 256 / max(1, 256 - max(stalls.idle, stalls.stall))
    return int(10_000 + busy * slow)
