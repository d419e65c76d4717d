"""``qblif run`` on a board whose network is logic: frames are loaded and played."""

import numpy as np

from ..golden.spec.errors import InvalidValue
from .common import console, table

__all__ = ["play_frames"]


def play_frames(host, trained, identity, pixels, labels, check=False, scores=False, progress=None):
    """Play test images and show what came of it; returns the content of ``run.json``.

    ``identity`` is the board's :class:`~qblif.boards.host.identity.LogicIdentity`.  With ``check``
    classes and clocks are compared with the integer model and the pipeline's latency.
    """
    from ..boards.host.play import play
    if scores:
        raise InvalidValue("A board whose network is logic keeps classes and no scores: run it "
                           "without --scores")
    levels = trained.spec.input.levels_of(pixels)
    outcome = play(host, trained, pixels.reshape(len(pixels), -1) if identity.pixels else levels,
                   progress)
    clocks = sum(clocks for _, clocks in outcome.batches)
    report = {
        "ok": True, "logic": True, "images": len(labels), "network_digest": identity.digest,
        "weights_digest": identity.weights_digest, "clock_hz": identity.clock_hz,
        "pixels": identity.pixels, "latency": identity.latency,
        "accuracy": float(np.mean(outcome.classes == labels)),
        "classes": outcome.classes.tolist(), "batches": [list(batch) for batch in outcome.batches],
        "clocks": clocks, "images_per_second": round(len(labels) / outcome.core_seconds),
        "seconds": outcome.seconds, "bytes_sent": outcome.sent, "bytes_received": outcome.received}
    rows = [
        ("accuracy", f"{report['accuracy']:.2%}"),
        ("clocks, first image to last class", f"{clocks:,} in {len(outcome.batches)} runs"),
        ("latency, clocks", identity.latency),
        ("images a second, core", f"{report['images_per_second']:,}"),
        ("end to end", f"{outcome.seconds:.2f} s")]
    if check:
        report |= _check(trained, identity, levels, outcome)
        rows += [(f"{what} that differ", count) for what, count in report["mismatches"].items()]
    console.print(table(f"{len(labels)} images on the board", rows))
    return report


def _check(trained, identity, levels, outcome):
    from ..golden import integer
    expected = integer.run(trained, levels).classes.numpy()
    wrong = {
        "classes": int(np.sum(outcome.classes != expected)),
        "runs' clocks": sum(clocks != identity.clocks(frames)
                            for frames, clocks in outcome.batches)}
    return {"ok": not any(wrong.values()), "mismatches": wrong}
