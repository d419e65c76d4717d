"""What waits in a simulation that stalled: one sentence."""

__all__ = ["describe_stall"]


def describe_stall(outcome, frames, stages):
    """Which frame never came out, which side of each stream waits, and whose trace came last;
    ``None`` where nothing stalled.

    ``outcome`` is what :mod:`qblif.sim.cocotb_bench` wrote, ``stages`` are the populations' names
    in order.
    """
    if not outcome["stalled"]:
        return None
    last = max(zip(outcome["seen"], stages, strict=True))
    return "; ".join([
        (f"stalled: {outcome['results']} of {frames} results after {outcome['entered']} whole "
         "frames of input"), f"frame {outcome['results']} does not come out", _outside(outcome),
        *_stages(outcome, stages),
        f"the trace seen last is that of {last[1]}, in cycle {last[0]} of {outcome['cycle']}"
        if last[0] else "no trace was seen"])


def _outside(outcome):
    """What the streams at the network's ports wait for."""
    i_valid, i_ready, o_valid, o_ready = (outcome["streams"] >> k & 1 for k in range(4))
    if o_valid and not o_ready:
        return "the result waits on o, which nobody accepts"
    if i_valid and not i_ready:
        return "the input waits on i, which the network does not accept"
    if outcome["i_done"]:
        return "all input was accepted, but no result comes"
    return "no stream waits: the input has paused"


def _stages(outcome, stages):
    """What the stream behind each stage but the last waits for, and how far the stage came."""
    inner = outcome["inner"]
    if inner is None:
        inner = 0  # Undefined bits: nothing is known.
    for k, name in enumerate(stages):
        offers, accepted = inner >> k & 1, inner >> len(stages) + k & 1
        waits = ("offers nothing" if not offers else "is being served" if accepted
                 else "offers what is not accepted")
        yield f"{name} {waits} after {outcome['vectors'][k]} vectors"
