"""Networks in words: shapes, the geometry of a synapse, the axes of a neuron.  Standard library
only."""

__all__ = ["geometry", "neuron", "shape"]


def shape(part):
    """The shape of an input or a population: ``16x14x14``."""
    return "x".join(map(str, part.shape))


def geometry(synapse):
    """What a convolution does to the map, where it is not the plain case."""
    if synapse.kind == "dense":
        return ""
    parts = [f"{name} {'x'.join(map(str, value))}" for name, value, plain in (
        ("pool", synapse.pool, (1, 1)), ("kernel", synapse.kernel, None),
        ("stride", synapse.stride, (1, 1)), ("padding", synapse.padding, (0, 0))) if value != plain]
    return ", " + ", ".join(parts) + (f", {synapse.groups} groups" if synapse.groups > 1 else "")


def neuron(spec):
    """One neuron in words: leak, quantiser, reset."""
    if spec.leak.kind == "quadratic":
        a, u1, u2 = spec.leak.parameters
        leak = f"quadratic leak, a {a:g}, u1 {u1:g}, u2 {u2:g}"
    else:
        leak = f"leak {spec.leak.factor:g}"
    reset = spec.reset.kind
    if reset.startswith("gate"):
        reset += f" {spec.reset.gate.factor:g}"
    if spec.reset.value:
        reset = f"to {spec.reset.value}"
    floor = "" if spec.floor is None else f", not below {spec.floor}"
    if spec.synaptic is not None:
        leak = f"synaptic current {spec.synaptic.decay.factor:g}, {leak}"
    if spec.quantiser is None:
        return f"read-out, {leak}{floor}"
    levels = spec.quantiser.levels
    if spec.quantiser.spacing != "uniform":
        levels = ", ".join(map(str, levels))
    else:
        levels = f"0..{levels[-1]}"
    nearest = " to the nearest" if spec.quantiser.rounding == "nearest" else ""
    output = ", binary output" if spec.output == "binary" else ""
    return (f"{leak}, levels {levels} of theta {spec.quantiser.theta}{nearest}, "
            f"reset {reset}{floor}{output}")
