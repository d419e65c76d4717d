"""The rows that can be measured: each is a ``qblif`` command and what counts of its report."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["DATA", "LOGIC", "NETWORK", "ROWS", "Row", "logic_row"]

# Data sets that a command may name in place of a folder.
DATA = {"MNIST": "mnist", "CIFAR": "cifar"}

CNN_LANES = "4x2,16,32,1"
RESNET_LANES = "ecp5-85k:0.65"
NETWORK = "NETWORK"  # In a command: the network that the row's own training writes.

# Networks as logic for MNIST, by the neurons of their hidden layers: weights of a neuron of each
# population, and the clock that is asked for in MHz.  That of 256 neurons is the one that ships;
# the others are trained.
LOGIC = {"32": ("16,32", 160), "64": ("16,32", 150), "96": ("20,48", 140), "128": ("22,64", 130),
         "96,64": ("20,16,40", 120), "192": ("24,96", 125), "256": ("24,128", 125)}


@dataclass(frozen=True)
class Row:
    """``qblif COMMAND``, whose report is ``DIR/<first word>.json``; ``pick`` takes the figures from
    it.  ``before`` is such a row of the same folder that comes first, and has figures too.  Words
    that are keys of :data:`DATA` stand for the folder of a data set, :data:`NETWORK` for the
    network that ``before`` trained."""

    name: str
    command: str
    pick: Callable[[dict], dict]
    before: "Row | None" = None

    @property
    def steps(self):
        """The rows to run, itself the last."""
        return [*(self.before.steps if self.before else ()), self]

    @property
    def described(self):
        """What a person would type."""
        return " && ".join(f"qblif {step.command}" for step in self.steps)

    @property
    def words(self):
        return self.command.split()

    @property
    def report(self):
        return f"{self.words[0]}.json"

    @property
    def data(self):
        """The data sets that it needs."""
        return {word for step in self.steps for word in step.words if word in DATA}


def analysed(report):
    return {key: report[key] for key in ("images", "accuracy", "weights_digest")}


def simulated(report):
    return {
        **{key: report[key] for key in ("images", "accuracy", "mismatches", "levels_compared",
                                        "membranes_compared", "cycles", "run_seconds",
                                        "weights_digest")},
        "build_seconds": None if report["build"]["cached"] else report["build"]["seconds"],
        "synapses": [{key: synapse[key] for key in ("name", "lanes", "busy")}
                     for synapse in report["synapses"]]}


def simulated_logic(report):
    return {key: report[key] for key in ("images", "accuracy", "mismatches", "levels_compared",
                                         "weights_digest")}


def placed(report):
    return {key: report[key] for key in ("device", "lanes", "lut", "ff", "bram", "dsp", "fmax_mhz",
                                         "seed", "multipliers", "network_digest")}


def placed_logic(report):
    return {key: report[key] for key in ("device", "lut", "ff", "bram", "fmax_mhz", "latency",
                                         "latency_ns", "mlut_s", "seed", "network_digest")}


def trained(report):
    return {"validation": report["notes"]["validation"]["float"][-1]}


def built(report):
    return {key: report[key] for key in ("lanes", "lut", "bram", "spram", "capacities", "fmax_mhz",
                                         "clock_mhz", "images_per_second", "load_seconds")}


def compared(report):
    return {name: {key: found[key] for key in (
        "accuracy", "mismatches", "levels_compared", "operations", "joules", "cycles", "lut",
        "fmax_mhz")} for name, found in report.items()}


def whole(report):
    return report


def _rows():
    mlp, cnn, vgg, resnet = (f"networks/{name}.safetensors" for name in (
        "mnist-mlp", "mnist-cnn", "cifar-vgg", "cifar-resnet20"))
    for file, data in ((mlp, "MNIST"), (cnn, "MNIST"), (vgg, "CIFAR"), (resnet, "CIFAR")):
        name = file.removeprefix("networks/").removesuffix(".safetensors")
        yield Row(f"{name}-integer", f"analyse {file} --data {data} --images all", analysed)
    for lanes in (4, 32, 128):
        yield Row(f"mnist-mlp-rtl-{lanes}",
                  f"simulate {mlp} --data MNIST --images all --lanes {lanes}", simulated)
    yield Row("mnist-mlp-icarus-32", f"simulate {mlp} --data MNIST --images 20 --lanes 32 "
              "--simulator icarus", simulated)
    yield Row("mnist-cnn-rtl", f"simulate {cnn} --data MNIST --images all --lanes {CNN_LANES}",
              simulated)
    yield Row("mnist-cnn-rtl-ecp5", f"simulate {cnn} --data MNIST --images 1000 --lanes ecp5-85k",
              simulated)
    yield Row("cifar-vgg-rtl", f"simulate {vgg} --data CIFAR --images 1000 --lanes ecp5-85k",
              simulated)
    yield Row("cifar-resnet20-rtl",
              f"simulate {resnet} --data CIFAR --images 100 --lanes {RESNET_LANES}", simulated)
    for lanes in (4, 32, 128):
        yield Row(f"mnist-mlp-synth-{lanes}", f"synth {mlp} --lanes {lanes}", placed)
    yield Row("mnist-cnn-synth", f"synth {cnn} --lanes {CNN_LANES}", placed)
    yield Row("mnist-cnn-synth-ecp5", f"synth {cnn} --lanes ecp5-85k", placed)
    yield Row("cifar-vgg-synth", f"synth {vgg} --lanes ecp5-85k", placed)
    yield Row("cifar-resnet20-synth", f"synth {resnet} --lanes {RESNET_LANES} --frequency 80 "
              "--router router1", placed)
    yield from _logic_rows()
    for board in ("icebreaker", "ulx3s_85f", "orangecrab_85f"):
        yield Row(f"build-{board}", f"build {mlp} --board {board}", built)
    yield Row("systems", "systems --data MNIST", compared)
    yield Row("demo", "demo", whole)


def logic_row(hidden):
    return f"logic-{hidden.replace(',', '-')}"


def _logic_rows():
    for hidden, (fan_in, clock) in LOGIC.items():
        file, training = NETWORK, Row(
            "training", "train --recipe mnist-logic --data MNIST --threads 1 "
            f"--set hidden=[{hidden}] --set fan_in=[{fan_in}] --epochs 60", trained)
        if hidden == "256":
            file, training = "networks/mnist-logic.safetensors", None
        rtl = Row("rtl", f"simulate {file} --logic --pixels --row 2 --data MNIST --images all",
                  simulated_logic, training)
        yield Row(logic_row(hidden),
                  f"synth {file} --logic --pixels --row 2 --frequency {clock}", placed_logic, rtl)


ROWS = {row.name: row for row in _rows()}
