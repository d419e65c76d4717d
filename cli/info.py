"""``qblif info``: what is in a network file."""

import math
from pathlib import Path

import typer
from rich.tree import Tree

from ..golden.spec.words import geometry, neuron, shape
from .common import (
    LanesOption,
    NetworkArgument,
    OutOption,
    SeedOption,
    console,
    lanes_text,
    layout_for,
    make_folder,
    open_network,
    table,
    write_report,
)
from .event_report import event_remarks, event_table
from .logic import (
    AddersOption,
    InterleaveOption,
    LogicOption,
    PixelsOption,
    RowOption,
    check_options,
    logic_layout,
    pace,
)

__all__ = ["info"]


def info(
    context: typer.Context,
    file: NetworkArgument,
    lanes: LanesOption = "32",
    logic: LogicOption = False,
    adders: AddersOption = "compressors",
    row: RowOption = 2,
    pixels: PixelsOption = False,
    interleave: InterleaveOption = False,
    out: OutOption = Path("out"),
    seed: SeedOption = 0,
):
    """Show a network's graph, neurons, widths, memory, accuracy, and how it would be laid out."""
    check_options(context, logic)
    trained = open_network(file)
    layout = logic_layout(trained, adders, row, pixels, interleave) if logic else \
        layout_for(trained, lanes)
    stages = {stage.name: _in_logic(stage, trained) if logic else _on_lanes(stage)
              for stage in layout.stages}
    folder = make_folder(out, "info")
    console.print(graph(trained, stages))
    if logic:
        console.print(pace(layout))
    console.print(table("", [
        ("network digest", trained.spec.digest),
        ("weights digest", trained.weights_digest),
        *((f"accuracy, {kind}", f"{trained.notes[f'accuracy_{kind}']:.2%}")
          for kind in ("float", "integer") if f"accuracy_{kind}" in trained.notes),
    ]))
    events = trained.notes.get("events")
    if events:
        console.print(event_table(trained.notes.get("dataset", "the data set"), events))
    for text in (*warnings(trained.spec),
                 *event_remarks((events or {}).get("train"), "its training recordings")):
        console.print(f"[yellow]{text}[/yellow]")
    write_report(folder, "info", report(trained, layout.describe() if logic else [
        {"name": s.name, "lanes": list(s.plan.lanes), "ports": s.plan.ports,
         "fire_lanes": s.fire_lanes} for s in layout.stages]))


def _on_lanes(stage):
    return (f"{lanes_text(stage.plan.lanes)} lanes, {stage.fire_lanes} fire lanes"
            + choices(stage.plan))


def _in_logic(stage, trained):
    weights = sum(int((trained.weights[synapse.name] != 0).sum())
                  for synapse in trained.spec.synapses_to(stage.name))
    return (f"{weights:,} weights that are not 0, {stage.schedule.graph.size:,} adders, done in "
            f"clock {stage.done}")


def graph(trained, stages):
    """The network as a tree: one branch a population, its synapses, its neuron and what ``stages``
    says of its hardware below."""
    spec = trained.spec
    kind = "static" if spec.input.static else "a frame each timestep"
    tree = Tree(f"[bold]input[/] {shape(spec.input)}, levels 0..{spec.input.n_max}, {kind}; "
                f"T = {spec.timesteps}")
    for population in spec.populations:
        branch = tree.add(f"[bold]{population.name}[/] {shape(population)}, "
                          f"{neuron(population.neuron)}")
        for synapse in spec.synapses_to(population.name):
            shape_ = spec.weight_shape(synapse)
            later = ", a timestep later" if spec.recurrent(synapse) else ""
            branch.add(f"{synapse.kind} from {synapse.source}{later}{geometry(synapse)}: "
                       f"{' x '.join(map(str, shape_))} weights of {synapse.w_width} bits, "
                       f"{math.prod(shape_) * synapse.w_width / 8192:.1f} KiB"
                       + activity(trained, synapse))
        branch.add(f"widths: sum {population.sum_width}, membrane {population.neuron.v_width}, "
                   f"bias {population.bias_width or 'none'}")
        branch.add(f"hardware: {stages[population.name]}")
    return tree


def choices(plan):
    """What an allocator chose to save block RAM."""
    return (f", {plan.ports} events at once" if plan.ports > 1 else "") + (
        f", {plan.memory} weights" if plan.memory != "block" else "")


def activity(trained, synapse):
    figures = (trained.activity or {}).get(synapse.name)
    if figures is None or not {"events", "digits"} <= figures.keys():
        return ""
    return f"; {figures['events']:.0f} events, {figures['digits']:.0f} digits a frame"


def warnings(spec):
    """Sentences about what is allowed but worth knowing."""
    for population in spec.populations:
        headroom = population.neuron.leak_headroom if spec.timesteps > 1 else None
        if headroom is not None and headroom < 4:
            yield (f"{population.name}: the leak does nothing below 1/{2**headroom:g} of a level; "
                   "a larger theta would shrink this dead zone")


def report(trained, stages):
    spec = trained.spec
    return {
        "network_digest": spec.digest, "weights_digest": trained.weights_digest,
        "network": spec.to_dict(), "notes": trained.notes, "warnings": list(warnings(spec)),
        "stages": stages}
