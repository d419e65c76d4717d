"""A stage's plan as registers, by which a host lays the network out as the board did.

The board gives the layout's digest as well, so that a host which would lay it out in another way
finds that out.  Neither torch nor Amaranth.
"""

from ...golden.spec.burst import MODES
from ...golden.spec.errors import InvalidValue
from ..layout.memories import MEMORIES
from ..layout.passes import ORDERS
from ..layout.plan import KINDS, Plan, StagePlan
from .protocol import SynapseRegister

__all__ = ["plan_from_registers", "plan_registers"]

NAMES = {SynapseRegister.BURST: MODES, SynapseRegister.MEMORY: MEMORIES,
         SynapseRegister.QUANTISER: KINDS, SynapseRegister.ORDER: ORDERS}


def plan_registers(layout, stage, engine):
    """``{SynapseRegister: value}`` of a synapse of one engine of a
    :class:`~qblif.hw.layout.stage.StageLayout`."""
    plan = stage.plan
    return {SynapseRegister.STAGE: stage.index,
            SynapseRegister.LANES: engine.weights.lanes,
            SynapseRegister.FIRE_LANES: plan.fire_lanes, SynapseRegister.BUFFERS: plan.buffers,
            SynapseRegister.PORTS: plan.ports, SynapseRegister.SLACK: plan.slack,
            SynapseRegister.QUEUE: plan.queue or 0,
            SynapseRegister.ORDER: ORDERS.index(layout.plan.order),
            SynapseRegister.BURST: MODES.index(plan.burst),
            SynapseRegister.MEMORY: MEMORIES.index(plan.memory),
            SynapseRegister.QUANTISER: KINDS.index(plan.quantiser)}


def plan_from_registers(synapses):
    """The :class:`~qblif.hw.layout.plan.Plan` of a board.

    ``synapses`` maps :class:`~qblif.hw.link.protocol.SynapseRegister` to values, one mapping a
    synapse, stage by stage.  Raises :class:`ValueError` where they describe no plan.
    """
    stages = []
    for values in synapses:
        if values[SynapseRegister.STAGE] not in (len(stages), len(stages) - 1):
            raise InvalidValue(f"Stage {values[SynapseRegister.STAGE]} does not follow "
                               f"stage {len(stages) - 1}")
        if values[SynapseRegister.STAGE] == len(stages):
            stages.append([])
        stages[-1].append(values)
    found = [_stage(group) for group in stages]
    order = ORDERS[synapses[0][SynapseRegister.ORDER]] if synapses else ORDERS[0]
    return Plan(stages=tuple(found), order=order)


def _stage(group):
    first, names = group[0], {}
    for register, known in NAMES.items():
        if first[register] >= len(known):
            raise InvalidValue(f"{register.name.capitalize()} must be a number below {len(known)}, "
                               f"not {first[register]}")
        names[register.name.lower()] = known[first[register]]
    del names["order"]
    lanes = tuple(values[SynapseRegister.LANES] for values in group)
    return StagePlan(lanes=lanes[:1] if len(set(lanes)) == 1 else lanes,
                     fire_lanes=first[SynapseRegister.FIRE_LANES],
                     buffers=first[SynapseRegister.BUFFERS], ports=first[SynapseRegister.PORTS],
                     slack=first[SynapseRegister.SLACK],
                     queue=first[SynapseRegister.QUEUE] or None, **names)
