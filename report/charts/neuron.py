"""One neuron's membrane between its thresholds, and its levels below, timestep by timestep."""

from .svg import Svg, number, percent

__all__ = ["draw_neuron"]

HEIGHT, LEVELS, MARGIN = 190, 54, 0.13  # Of the membrane, the levels, and the axis's part.
WRITTEN = 16  # Timesteps whose numbers are written.
LINE = 14  # Between the numbers of two thresholds.


def draw_neuron(neuron):
    charged, left, levels = neuron["charged"], neuron["left"], neuron["levels"]
    count, thresholds = len(charged), [t["membrane"] for t in neuron["thresholds"]]
    used = [*charged, *left, 0]
    near = [t for t in thresholds if t <= max(used)] + [t for t in thresholds if t > max(used)][:1]
    low, high = min(used), max([*used, *near])
    high = high if high > low else low + 1

    def y(value):
        return 12 + (HEIGHT - 24) * (high - value) / (high - low)

    fired = [t for t, level in enumerate(levels) if level]
    svg = Svg("neuron", f"Neuron {neuron['index']} of {neuron['population']}", (
        f"Membrane from {min(used)} to {max(used)} in {count} timesteps; it fires in "
        f"{len(fired)} of them."), height=HEIGHT + LEVELS, style="chart")
    written = y(0)
    for k, threshold in enumerate(near):
        svg.add("line", x1=percent(MARGIN), x2="100%", y1=y(threshold), y2=y(threshold),
                class_="threshold", title=f"level {k + 1} from membrane {threshold} on")
        if written - y(threshold) >= LINE:
            written = y(threshold)
            svg.text(percent(MARGIN - 0.015), y(threshold) + 4, str(threshold), "small end quiet")
    svg.add("line", x1=percent(MARGIN), x2="100%", y1=y(0), y2=y(0), class_="base")
    svg.text(percent(MARGIN - 0.015), y(0) + 4, "0", "small end quiet")
    path = f"M0 {number(float(y(0)))}" + "".join(
        f"V{number(float(y(a)))}H{number(t + 0.6)}V{number(float(y(b)))}H{t + 1}"
        for t, (a, b) in enumerate(zip(charged, left, strict=True)))
    svg.plot(path, x=percent(MARGIN), y=0, width=percent(1 - MARGIN), height=HEIGHT,
             units=(count, HEIGHT), values=[*charged, *left, *neuron["current"]],
             class_="membrane")
    width, most = (1 - MARGIN) / count, max([1, *levels])
    for t, level in enumerate(levels):
        x, tall = MARGIN + t * width, 26.0 * level / most
        svg.add("rect", x=percent(x + width * 0.1), width=percent(width * 0.8), height=tall,
                y=HEIGHT + 26 - tall, class_="bar", values=(level,), title=(
                    f"timestep {t + 1}: current {neuron['current'][t]}, membrane {charged[t]}, "
                    f"level {level}, {left[t]} left"))
        if count <= WRITTEN:
            svg.text(percent(x + width / 2), HEIGHT + 40, f"level {level}" if count <= 4 else
                     str(level), "small middle")
    svg.add("line", x1=percent(MARGIN), x2="100%", y1=HEIGHT + 26, y2=HEIGHT + 26, class_="base")
    svg.text(percent(MARGIN - 0.015), HEIGHT + 22, "level", "small end quiet")
    if count > WRITTEN:
        for t in {0, count // 2, count - 1}:
            svg.text(percent(MARGIN + (t + 0.5) * width), HEIGHT + 40, str(t + 1), "small middle")
    svg.text(percent(MARGIN + (1 - MARGIN) / 2), HEIGHT + LEVELS - 1,
             "timestep" + ("s" if count > 1 else ""), "small middle quiet")
    return svg
