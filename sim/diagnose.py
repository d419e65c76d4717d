"""Why a simulation and the integer model disagree: one sentence per cause."""

import hashlib
from itertools import zip_longest

import numpy as np

from ..golden import integer
from .bench_files import encode_load, fields_of
from .stall import describe_stall

__all__ = ["UNEXPLAINED", "diagnose", "edited_verilog", "corrupted_expectation", "other_weights",
           "wrong_load"]

UNEXPLAINED = ("Verilog, weights and expectation are intact: the hardware differs from the integer "
               "model")


def diagnose(folder, manifest, layout, trained, levels, expected, writes, outcome):
    """Every cause that can be identified, or one sentence that none was found.

    ``folder`` holds the files of the run; ``writes`` are the
    :class:`qblif.hw.layout.memory_image.LoadWrite` items that its load file must contain;
    ``outcome`` is what :mod:`qblif.sim.cocotb_bench` wrote.
    """
    causes = [
        other_weights(manifest, trained),
        edited_verilog((folder / "network.v").read_text(), manifest),
        wrong_load((folder / "load.hex").read_text(), manifest, layout, trained, writes),
        corrupted_expectation(trained, levels, expected),
        describe_stall(outcome, len(levels), [p.name for p in trained.spec.populations]),
        "the output changed or fell while it waited to be accepted" if outcome["broken"] else None,
    ]
    found = tuple(cause for cause in causes if cause)
    return found or (UNEXPLAINED,)


def other_weights(manifest, trained):
    """Whether weights are baked in that are not the network file's."""
    baked, wanted = manifest["weights_digest"], trained.weights_digest
    if baked in (None, wanted):
        return None
    return f"weights {baked} are baked into the Verilog, but the network file has {wanted}"


def edited_verilog(text, manifest):
    """Whether the Verilog still matches its manifest."""
    if hashlib.sha256(text.encode()).hexdigest() != manifest["verilog_sha256"]:
        return "the Verilog was edited after generation: it does not match the manifest's sha256"
    return None


def wrong_load(text, manifest, layout, trained, writes):
    """The first difference between the load file and the network file."""
    lines = zip_longest(text.splitlines(), encode_load(manifest, writes).splitlines())
    wrong = [k for k, (found, wanted) in enumerate(lines) if found != wanted]
    if not wrong:
        return None
    k = wrong[0]
    if k >= len(writes) or k >= len(text.splitlines()):
        return f"the load file has {len(text.splitlines())} words instead of {len(writes)}"
    fields = fields_of(manifest, "load")
    try:
        word = int(text.splitlines()[k].split()[1], 16)
    except (IndexError, ValueError):
        return f"line {k + 1} of the load file is not a word"
    field = {name: word >> f["offset"] & (1 << f["width"]) - 1 for name, f in fields.items()}
    write = writes[k]
    if (field["stage"], field["bank"], field["address"]) != write[:3]:
        return f"word {k} of the load file has another address than the network file gives"
    more = f" ({len(wrong)} words differ)" if len(wrong) > 1 else ""
    return _name_value(layout.stages[write.stage], trained, write, field["data"]) + more


def _name_value(stage, trained, write, data):
    """Name the weight or bias that differs in a load word."""
    bank = stage.load_banks[write.bank]
    if bank.kind == "weights":
        engine = next(e for e in stage.engines if e.name == bank.owner)
        return _name_weight(engine, bank, trained.weights, write, data)
    channel = write.address * stage.fire_lanes + bank.first
    return (f"bias {channel} of {stage.name} differs: loaded {_signed(data, bank.width)}, "
            f"network file {int(trained.biases[stage.name][channel])}")


def _name_weight(engine, bank, weights, write, data):
    width = max(synapse.w_width for synapse in engine.synapses)
    changed = data ^ write.data
    lane = ((changed & -changed).bit_length() - 1) // width
    # Every weight by its number among all of the engine's, from 1 on.
    shapes, numbers, first = {}, {}, 1
    for name in (synapse.name for synapse in engine.synapses):
        shapes[name] = first, weights[name].shape
        numbers[name] = np.arange(first, first + weights[name].size).reshape(weights[name].shape)
        first += weights[name].size
    number = engine.weight_words(numbers)[write.address][bank.first + lane]
    name = max((n for n in shapes if shapes[n][0] <= max(1, number)), key=lambda n: shapes[n][0])
    start, shape = shapes[name]
    at = ", ".join(map(str, np.unravel_index(number - start, shape))) if number else "padding"
    loaded, wanted = (_signed(value >> lane * width, width) for value in (data, write.data))
    return (f"weight {at} of synapse {name} differs: loaded {loaded}, "
            f"network file {wanted}")


def _signed(value, width):
    value &= (1 << width) - 1
    return value - (value >> width - 1 << width)


def corrupted_expectation(trained, levels, expected):
    """Where ``expected`` differs from what the integer model computes now."""
    now = integer.run(trained, levels)
    for population in trained.spec.populations:
        name = population.name
        for what in ("levels", "membranes"):
            old, new = (np.asarray(getattr(t, what)[name]) for t in (expected, now))
            if old.shape != new.shape:
                return f"the expectation is corrupted: {what} of {name} have shape {old.shape}"
            at = np.argwhere(old != new)
            if len(at):
                t, frame, neuron = at[0]
                return (f"the expectation is corrupted at {name} neuron {neuron}, timestep {t}, "
                        f"frame {frame}: {what[:-1]} {old[t, frame, neuron]}, the integer model "
                        f"computes {new[t, frame, neuron]}")
    wrong = np.flatnonzero(np.asarray(expected.classes) != np.asarray(now.classes))
    if len(wrong):
        k = wrong[0]
        return (f"the expectation is corrupted at the class of frame {k}: {expected.classes[k]}, "
                f"the integer model computes {now.classes[k]}")
    return None
