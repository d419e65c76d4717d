"""Each table of the documents as a function from the records to Markdown, and each picture."""

from .rows import LOGIC, logic_row

__all__ = ["PICTURES", "TABLES", "origin"]


def origin(records, record):
    """Where a record is from, if not from the sources of the latest one: `` (of COMMIT)``."""
    latest = max(records.values(), key=lambda r: (r["date"], r["row"]))
    same = record["tree"] == latest["tree"] and record["tree"] is not None
    changes = ", with changes" if record["dirty"] else ""
    return "" if same and not changes else f" (of {record['commit']}{changes})"


def markdown(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def pick(records, *names):
    """``(record, figures, origin)`` of those rows that were measured."""
    for name in names:
        if name in records:
            record = records[name]
            yield record, record["figures"], origin(records, record)


def stages(lanes):
    """Lanes of each stage: several numbers are those of several synapses."""
    return ", ".join("+".join(map(str, stage)) for stage in lanes)


def differ(figures, kind):
    count = figures["mismatches"][kind]
    return f"{count:,} of {figures[f'{kind}_compared']:,}"


def model(figures):
    return {True: "equal", False: "**differs**", None: "not compared"}[
        figures["cycles"]["model_equal"]]


def share(value, digits=2):
    return f"{100 * value:.{digits}f} %"


def figure(value):
    return "not noted" if value is None else f"{value:,.1f}"


def seconds(value):
    return "cached" if value is None else f"{value:,.0f} s"


def accuracies(records):
    return markdown(["network", "images", "integer accuracy", "weights digest", "time"], (
        [record["row"].removesuffix("-integer") + of, f"{f['images']:,}", share(f["accuracy"]),
         f"`{f['weights_digest']}`", seconds(record["seconds"])]
        for record, f, of in pick(records, "mnist-mlp-integer", "mnist-cnn-integer",
                                  "cifar-vgg-integer", "cifar-resnet20-integer")))


def rtl(*names):
    def table(records):
        return markdown(
            ["lanes, and how busy", "images", "levels that differ", "membranes that differ",
             "accuracy", "latency", "interval", "cycle model", "build", "run"], (
                [", ".join(f"{s['lanes']}: {share(s['busy'], 1)}" for s in f["synapses"]) + of,
                 f"{f['images']:,}", differ(f, "levels"), differ(f, "membranes"),
                 share(f["accuracy"]["rtl"]), figure(f["cycles"]["mean"]),
                 f"**{figure(f['cycles']['interval_mean'])}**", model(f),
                 seconds(f["build_seconds"]), seconds(f["run_seconds"])]
                for _, f, of in pick(records, *names)))
    return table


def synth(*names):
    """Pairs of a placed row and the simulated one whose interval gives its speed."""
    def table(records):
        rows = []
        for name, simulated in names:
            for _, f, of in pick(records, name):
                rate = speed(records, simulated, f["fmax_mhz"])
                rows.append([stages(f["lanes"]) + of, f"**{f['lut']:,}**", f"{f['ff']:,}",
                             f["bram"], f["dsp"], f"{f['fmax_mhz']:.1f} MHz", f["seed"], rate])
        return markdown(["lanes", "LUTs", "flip-flops", "block RAMs", "DSP", "Fmax", "seed",
                         "images a second"], rows)
    return table


def speed(records, simulated, fmax_mhz):
    """Images a second, rounded to three digits."""
    for _, f, _ in pick(records, simulated):
        rate = fmax_mhz * 1e6 / f["cycles"]["interval_mean"]
        return f"{float(f'{rate:.3g}'):,.0f}"
    return "not simulated"


def boards(records):
    return markdown(["board", "lanes", "LUTs", "block RAMs", "Fmax", "clock", "images a second",
                     "load"], (
        [record["row"].removeprefix("build-") + of, stages(f["lanes"]),
         f"{f['lut']:,} of {f['capacities']['lut']:,}",
         f"{f['bram']} of {f['capacities']['bram']}", f"{f['fmax_mhz']:.1f} MHz",
         f"{f['clock_mhz']:g} MHz", f"{f['images_per_second']:,}", f"{f['load_seconds']:.2f} s"]
        for record, f, of in pick(records, "build-icebreaker", "build-ulx3s_85f",
                                  "build-orangecrab_85f")))


def logic(records):
    rows = []
    for hidden, (fan_in, _) in LOGIC.items():
        for _, f, of in pick(records, logic_row(hidden)):
            rows.append([f"784-{hidden.replace(',', '-')}-10{of}", fan_in.replace(",", ", "),
                         share(f["accuracy"]["integer"]), differ(f, "levels"),
                         f"{f['lut']:,}", f"{f['ff']:,}", f"{f['fmax_mhz']:.1f} MHz",
                         f"{f['latency']} clocks, {f['latency_ns']:.0f} ns",
                         f"{f['mlut_s']:.3f} mLUT4 s"])
    return markdown(["network", "weights of a neuron, by population", "test images, integers",
                     "levels of the RTL that differ", "LUTs", "registers", "Fmax", "latency",
                     "LUT x time"], rows)


def logic_frontier(records):
    """The networks as logic: accuracy, LUTs and clock against each other, as an SVG's text."""
    from ..report.charts.front import draw_fronts
    from ..sweep.run import best
    from ..sweep.space import OBJECTIVES
    points = [{"parameters": {"network": record["row"]},
               "figures": {"accuracy": f["accuracy"]["integer"], "luts": f["lut"],
                           "fmax": f["fmax_mhz"]}}
              for record, f, _ in pick(records, *map(logic_row, LOGIC))]
    front = best([point["figures"] for point in points])
    objectives = [{"name": name, "unit": OBJECTIVES[name][0], "more_is_better": OBJECTIVES[name][1]}
                  for name in ("accuracy", "luts", "fmax")]
    return draw_fronts({"objectives": objectives, "points": [
        point | {"front": k in front} for k, point in enumerate(points)]})


def systems(records):
    return markdown(["neuron", "float", "integer", "RTL", "levels that differ",
                     "operations an image", "nJ by Table 6", "cycles an image", "LUTs", "Fmax"], (
        [f"`{name}`{of}", *(share(f["accuracy"][kind]) for kind in ("float", "integer", "rtl")),
         differ(f, "levels"), f"{f['operations']:,.0f}", f"{1e9 * f['joules']['paper']:,.1f}",
         f"{f['cycles']['interval_mean']:,.1f}", f"{f['lut']:,}", f"{f['fmax_mhz']:.1f} MHz"]
        for _, figures, of in pick(records, "systems") for name, f in figures.items()))


def demo(records):
    return markdown(["images", "float", "integer", "RTL", "levels that differ", "LUTs", "Fmax",
                     "images a second", "time"], (
        [f"{f['images']:,}{of}", *(share(f["accuracy"][kind], 1) for kind in (
            "float", "integer", "rtl")), f["mismatches"]["levels"], f"{f['lut']:,}",
         f"{f['fmax_mhz']:.1f} MHz", f"{f['images_per_second']:,.0f}", seconds(f["seconds"])]
        for _, f, of in pick(records, "demo")))


MLP = ("128", "32", "4")
TABLES = {
    "accuracies": accuracies,
    "rtl-mnist-mlp": rtl(*(f"mnist-mlp-rtl-{lanes}" for lanes in MLP)),
    "rtl-icarus": rtl("mnist-mlp-icarus-32"),
    "rtl-mnist-cnn": rtl("mnist-cnn-rtl", "mnist-cnn-rtl-ecp5"),
    "rtl-cifar-vgg": rtl("cifar-vgg-rtl"),
    "rtl-cifar-resnet20": rtl("cifar-resnet20-rtl"),
    "synth-mnist-mlp": synth(*((f"mnist-mlp-synth-{lanes}", f"mnist-mlp-rtl-{lanes}")
                               for lanes in reversed(MLP))),
    "synth-mnist-cnn": synth(("mnist-cnn-synth", "mnist-cnn-rtl"),
                             ("mnist-cnn-synth-ecp5", "mnist-cnn-rtl-ecp5")),
    "synth-cifar-vgg": synth(("cifar-vgg-synth", "cifar-vgg-rtl")),
    "synth-cifar-resnet20": synth(("cifar-resnet20-synth", "cifar-resnet20-rtl")),
    "logic": logic,
    "boards": boards,
    "systems": systems,
    "demo": demo,
}

# By the file beside the pages.
PICTURES = {"docs/logic.svg": logic_frontier}
