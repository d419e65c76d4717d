"""What becomes of a data set's events on their way to the network: rows, and sentences."""

from .common import table

__all__ = ["event_remarks", "event_rows", "event_table"]

MUCH = 0.05  # Of the events: a larger loss is worth a sentence.
PARTS = {"train": "training", "test": "test"}
REMARKS = {
    "clipped": "beyond N_max and cut off: shorter timesteps (more of them, or a smaller window) or "
               "a larger input N_max",
    "late": "after the last timestep and left out: more timesteps or a larger window"}


def event_table(name, found):
    """A table of ``{part: summary}``, summaries as :meth:`qblif.golden.training.data.event_counts.
    EventCounts.summary` has them, one column a part."""
    rows = zip(*(event_rows(summary) for summary in found.values()), strict=True)
    return table(f"Events of {name}", [
        (cells[0][0], *(text for _, text in cells)) for cells in rows],
        ("", *(PARTS[part] for part in found)))


def event_rows(summary):
    """Rows of one summary; none for ``None``, of images."""
    if summary is None:
        return []
    return [("events recorded", f"{summary['recorded']:,}"),
            ("events after the last timestep, left out", _share(summary, "late")),
            ("events beyond N_max, cut off", _share(summary, "clipped"))]


def event_remarks(summary, where):
    """Sentences about large losses of one summary, and what would make them smaller; ``where`` says
    of what."""
    for key, what in REMARKS.items():
        if summary and summary[key] > MUCH * summary["recorded"]:
            yield (f"{summary[key] / summary['recorded']:.1%} of the events of {where} are {what} "
                   "would keep more")


def _share(summary, key):
    count = summary[key]
    return f"{count:,} ({count / max(summary['recorded'], 1):.2%})" if count else "0"
