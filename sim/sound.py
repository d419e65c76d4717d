"""Clips of sound on the generated Verilog, front end and network, against the golden model."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..golden import integer
from ..golden.sound import front_end
from ..golden.spec.sound import FrontEnd
from ..hw.verilog import generate
from .simulators import SimulatorError, build_program

__all__ = ["SoundResult", "simulate_clips"]

TOP = "qblif_sound"
SOURCE = Path(__file__).parent / "sound.cpp"

# Names that Verilator leaves as they are.
WRAPPER = """\
module {top} (input clk, input rst, input sample_valid, output sample_ready, input [15:0] sample,
              output event_valid, output [{event_top}:0] event_word,
              output result_valid, output [{result_top}:0] result);
    {network} network (
        .clk(clk), .rst(rst), .i__valid(sample_valid), .i__ready(sample_ready),
        .i__payload(sample), .trace_input_valid(event_valid), .trace_input(event_word),
        .o__valid(result_valid), .o__ready(1'b1), .o__payload(result), .load_valid(1'b0),
        .load(0), .clear(1'b0));
endmodule
"""


@dataclass(frozen=True)
class SoundResult:
    """How much of what left the hardware is not what the golden model gives.

    ``level_mismatches`` are those of the front end, of ``levels_compared``; ``classes`` are the
    hardware's, ``(clips,)``.
    """

    level_mismatches: int
    levels_compared: int
    class_mismatches: int
    classes: np.ndarray
    cycles: int

    @property
    def ok(self) -> bool:
        return not self.level_mismatches and not self.class_mismatches


def simulate_clips(trained, layout, samples, out_dir, cache=None):
    """Run ``samples``, ``(clips, n)`` of int16, on Verilator as fast as the front end takes them.

    ``n`` must be the network's timesteps times the front end's samples of a frame.  Raises
    :class:`~qblif.sim.simulators.SimulatorError` where Verilator is missing or fails, or the design
    stands still, and :class:`ValueError` for a network or samples that do not fit the front end.
    """
    levels = front_end(FrontEnd(), samples)
    expected = integer.run(trained, levels, trace=False).classes.numpy()
    generated = generate(layout, trained, sound=True)
    ports = {port["name"]: port for port in generated.manifest["ports"]}
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    verilog = folder / f"{TOP}.v"
    verilog.write_text(generated.verilog + WRAPPER.format(
        top=TOP, network=generated.manifest["top"],
        event_top=ports["trace_input"]["width"] - 1,
        result_top=ports["o__payload"]["width"] - 1))
    built = build_program([verilog, SOURCE], TOP, cache)
    done = subprocess.run([built.folder / TOP, str(len(samples))], stdout=subprocess.PIPE,
                          input=np.ascontiguousarray(samples).astype("<i2").tobytes())
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    if done.returncode:
        classes = sum(what == "c" for what, _ in lines)
        raise SimulatorError(f"The network stood still after {classes} of {len(samples)} clips")
    found = _levels([int(word, 16) for what, word in lines if what == "e"],
                    ports["trace_input"], levels.shape)
    classes = np.array([int(word, 16) for what, word in lines if what == "c"])
    return SoundResult(int((found != levels).sum()), levels.size,
                       int((classes != expected).sum()), classes, int(lines[-1][1]))


def _levels(words, port, shape):
    """Levels ``shape`` from transfers; what comes after the last frame is left out."""
    fields = {field["name"]: (field["offset"], (1 << field["width"]) - 1)
              for field in port["fields"]}
    found = np.zeros(shape, np.int64)
    frames = found.reshape(-1, shape[2])
    frame = 0
    for word in words:
        values = {name: word >> offset & mask for name, (offset, mask) in fields.items()}
        if values["end"]:
            frame += 1
        elif frame < len(frames):
            frames[frame, values["address"]] += values["level"]
    return found
