import math
import random

import pytest

from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan, make_plan


def network(*sizes, theta=64, n_max=7, static=True, timesteps=2):
    """A chain: the first size is the input's, the last the read-out's."""
    names = ["input", *(f"p{k}" for k in range(len(sizes) - 1))]
    fires = Neuron(quantiser=Quantiser(n_max=n_max, theta=theta), v_width=12)
    neurons = [fires] * (len(sizes) - 2) + [Neuron(quantiser=None, v_width=12)]
    return Network(
        timesteps=timesteps, input=Input(shape=sizes[:1], n_max=n_max, static=static),
        populations=[Population(name=name, shape=(size,), neuron=neuron, sum_width=20)
                     for name, size, neuron in zip(names[1:], sizes[1:], neurons, strict=True)],
        synapses=[Dense(source=a, target=b) for a, b in zip(names, names[1:], strict=False)])


MLP = network(784, 128, 10)


# One stage.

@pytest.mark.parametrize("lanes", [0, -1, 1025])
def test_lanes_out_of_range(lanes):
    for make in (lambda: StagePlan(lanes=lanes), lambda: make_plan(MLP, lanes=lanes),
                 lambda: make_plan(MLP, lanes=[16, lanes])):
        with pytest.raises(ValueError, match=rf"^Lanes must be in 1\.\.1024, not {lanes}$"):
            make()


@pytest.mark.parametrize("lanes", [2.0, "4", None, True])
def test_lanes_that_are_no_integer(lanes):
    for make in (lambda: StagePlan(lanes=lanes), lambda: make_plan(MLP, lanes=lanes),
                 lambda: make_plan(MLP, lanes=(8, lanes))):
        with pytest.raises(TypeError, match=f"^Lanes must be an integer, not {lanes!r}$"):
            make()


@pytest.mark.parametrize("fire_lanes, reason", [
    (0, r"Fire lanes must be in 1\.\.1024, not 0"),
    (3, "Fire lanes must be a power of two, not 3"),
    (8, "Fire lanes must divide 12 lanes, not be 8")])
def test_fire_lanes_that_do_not_fit(fire_lanes, reason):
    with pytest.raises(ValueError, match=f"^{reason}$"):
        StagePlan(lanes=12, fire_lanes=fire_lanes)


def test_unknown_burst():
    for make in (lambda: StagePlan(lanes=1, burst="rate"),
                 lambda: make_plan(MLP, lanes=4, burst="rate")):
        with pytest.raises(ValueError, match="^Burst mode must be one of shift, repeat, "
                                             "not 'rate'$"):
            make()


def test_unknown_quantiser():
    for make in (lambda: StagePlan(lanes=1, quantiser="table"),
                 lambda: make_plan(MLP, lanes=4, quantiser="table")):
        with pytest.raises(ValueError, match="^Quantiser must be one of slice, ladder, "
                                             "not 'table'$"):
            make()


@pytest.mark.parametrize("field, value, reason", [
    ("ports", 3, "Ports must be one of 1, 2, 4, not 3"),
    ("ports", 0, "Ports must be one of 1, 2, 4, not 0"),
    ("ports", 2.0, r"Ports must be one of 1, 2, 4, not 2\.0"),
    ("ports", True, "Ports must be one of 1, 2, 4, not True"),
    ("buffers", 0, r"Buffers must be in 1\.\.4, not 0"),
    ("buffers", 5, r"Buffers must be in 1\.\.4, not 5"),
    ("slack", -1, r"Slack must be in 0\.\.64, not -1"),
    ("slack", 65, r"Slack must be in 0\.\.64, not 65")])
def test_choices_of_streaming_stages_out_of_range(field, value, reason):
    with pytest.raises(ValueError, match=f"^{reason}$"):
        StagePlan(lanes=4, **{field: value})


def test_single_port_ram_has_one_port():
    with pytest.raises(ValueError, match="^Ports must be 1 with single-port RAM, not 2$"):
        StagePlan(lanes=4, ports=2, memory="spram")


def test_unknown_order():
    for make in (lambda: Plan(stages=(), order="time"),
                 lambda: make_plan(MLP, lanes=4, order="time")):
        with pytest.raises(ValueError, match="^Order of timesteps must be one of inner, outer, "
                                             "not 'time'$"):
            make()


# A network.

@pytest.mark.parametrize("lanes", [[], [4, 4, 4], (1,) * 5])
def test_wrong_count_of_lanes(lanes):
    with pytest.raises(ValueError, match="^Lanes must be 1 number or 2, one a population, not "
                                         f"{len(lanes)}$"):
        make_plan(MLP, lanes=lanes)


def lanes_of(plan):
    """One number a stage: each has one synapse."""
    return [lanes for lanes, in (stage.lanes for stage in plan.stages)]


@pytest.mark.parametrize("lanes", [(128, 10), [24, 1], (1, 7), (1024, 1024)])
def test_lanes_a_stage_are_taken_as_they_are(lanes):
    assert lanes_of(make_plan(MLP, lanes=lanes)) == list(lanes)


def test_one_number_goes_to_the_busiest_stage():
    first, second = lanes_of(make_plan(MLP, lanes=32))
    assert first == 32 and second < 10


def test_busiest_stage_need_not_be_the_first():
    first, second = lanes_of(make_plan(network(4, 60, 80), lanes=16))
    assert second == 16 and first < 16


def test_activity_moves_the_lanes():
    quiet = {"input->p0": {"digits": 5.0}, "p0->p1": {"digits": 500.0}}
    first, second = lanes_of(make_plan(MLP, lanes=8, activity=quiet))
    assert first < second == 8


def test_activity_of_repeat_is_its_own():
    activity = {"input->p0": {"digits": 100.0, "repeat_digits": 1.0},
                "p0->p1": {"digits": 1.0, "repeat_digits": 2000.0}}
    by_shift = make_plan(MLP, lanes=8, activity=activity)
    by_repeat = make_plan(MLP, lanes=8, activity=activity, burst="repeat")
    assert lanes_of(by_shift)[0] == 8 and lanes_of(by_repeat)[1] == 8
    assert {stage.burst for stage in by_repeat.stages} == {"repeat"}


def test_silent_network_has_a_plan():
    silent = {name: {"digits": 0.0} for name in ("input->p0", "p0->p1")}
    assert min(lanes_of(make_plan(MLP, lanes=8, activity=silent))) >= 1


def random_case(seed):
    draw = random.Random(seed)
    sizes = [draw.randint(1, 150) for _ in range(draw.randint(2, 5))]
    spec = network(*sizes, static=draw.random() < 0.5, timesteps=draw.randint(1, 8))
    activity = {s.name: {"digits": draw.uniform(0.1, 400)} for s in spec.synapses}
    return spec, activity, draw.choice([1, 2, 3, 7, 16, 32, 100, 128, 1024])


@pytest.mark.parametrize("seed", range(60))
def test_balance(seed):
    spec, activity, lanes = random_case(seed)
    chosen = lanes_of(make_plan(spec, lanes=lanes, activity=activity))
    work = [(p.size, activity[spec.synapses_to(p.name)[0].name]["digits"])
            for p in spec.populations]
    busiest = max(range(len(work)), key=lambda k: math.prod(work[k]))
    assert chosen[busiest] == min(lanes, work[busiest][0])

    def cycles(k, lanes):
        size, mean = work[k]
        return math.ceil(size / lanes) * mean

    limit = 0.75 * cycles(busiest, chosen[busiest])
    for k, found in enumerate(chosen):
        assert 1 <= found <= work[k][0]
        if k != busiest:
            # Fast enough, if a lane a neuron is; and with a lane less it would not be.
            assert cycles(k, found) <= limit or found == work[k][0]
            assert found == 1 or cycles(k, found - 1) > limit


@pytest.mark.parametrize("seed", range(60))
def test_fire_lanes_divide_and_keep_up(seed):
    spec, activity, lanes = random_case(seed)
    plan = make_plan(spec, lanes=lanes, activity=activity)
    for placed, found in zip(compile(spec, plan).stages, lanes_of(plan), strict=True):
        population, stage = placed.population, placed.plan
        mean = activity[spec.synapses_to(population.name)[0].name]["digits"]
        assert found % stage.fire_lanes == 0
        assert stage.fire_lanes & stage.fire_lanes - 1 == 0
        if population.neuron.quantiser is None:
            assert stage.fire_lanes == 1
        elif stage.fire_lanes * 2 <= (found & -found):  # More were possible.
            passes = spec.timesteps * math.ceil(population.size / stage.fire_lanes)
            assert passes <= 2 / 3 * math.ceil(population.size / found) * mean


def test_plan_is_a_function_of_its_arguments():
    assert make_plan(MLP, lanes=32) == make_plan(MLP, lanes=32)
    assert make_plan(MLP, lanes=[7, 3]) == make_plan(MLP, lanes=(7, 3))


# The quantiser.

@pytest.mark.parametrize("theta, kind", [(64, "slice"), (1, "slice"), (65, "ladder")])
def test_quantiser_by_default(theta, kind):
    assert make_plan(network(4, 5, 3, theta=theta), lanes=4).stages[0].quantiser == kind


def test_ladder_for_a_power_of_two():
    assert {s.quantiser for s in make_plan(MLP, lanes=4, quantiser="ladder").stages} == {"ladder"}


def test_slice_of_no_power_of_two():
    with pytest.raises(ValueError, match="^Population p0 cannot use the slice: its threshold 65 "
                                         "is no power of two$"):
        make_plan(network(4, 5, 3, theta=65), lanes=4, quantiser="slice")


def test_plan_of_a_read_out_alone():
    assert make_plan(network(4, 3), lanes=8) == Plan(stages=(StagePlan(lanes=3),))
