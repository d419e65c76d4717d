from collections import Counter

import pytest

from qblif.boards.devices import BOARD_DEVICES
from qblif.boards.families import ECP5, GOWIN, ICE40
from qblif.boards.flow.tools import DoesNotFit, SynthError
from qblif.boards.flow.utilisation import refuse_mapped, refuse_unplaced, used_cells

MAPPED = Counter(lut=90, ff=50, bram=3, dsp=0, spram=1)


def report(**used):
    return {"utilization": {name: {"used": n, "available": 99} for name, n in used.items()}}


def test_cells_of_each_family():
    assert used_cells(report(ICESTORM_LC=120, ICESTORM_RAM=3, ICESTORM_SPRAM=1), ICE40.placer,
                      MAPPED) == {"lut": 120, "ff": 50, "bram": 3, "dsp": 0, "spram": 1}
    assert used_cells(report(TRELLIS_COMB=110, TRELLIS_FF=49, DP16KD=3, MULT18X18D=2, ALU54B=1),
                      ECP5.placer, MAPPED) == {
        "lut": 110, "ff": 49, "bram": 3, "dsp": 3, "spram": 1}
    assert used_cells(report(LUT4=95), GOWIN.placer, MAPPED) == dict(MAPPED) | {"lut": 95}


def test_report_that_lacks_a_cell():
    with pytest.raises(SynthError, match="^The placer's report has no row DP16KD$"):
        used_cells(report(TRELLIS_COMB=110, TRELLIS_FF=49), ECP5.placer, MAPPED)


def test_mapped_cells_that_are_too_many():
    device = BOARD_DEVICES["up5k"]
    refuse_mapped("Board", MAPPED, device)
    refuse_mapped("Board", Counter(bram=30, spram=4), device)  # Exactly what there is.
    refuse_mapped("Board", Counter(lut=10**6), device)  # The placer's word counts for LUTs.
    with pytest.raises(DoesNotFit, match=(
            "^The design does not fit Board: it needs 31 of 30 block RAMs, 5 of 4 SPRAM blocks$")):
        refuse_mapped("Board", Counter(bram=31, spram=5), device)


@pytest.mark.parametrize("placer, line, found", [
    (ICE40.placer, "ICESTORM_LC:  8000/ 7680   104%", "8000 of 7680 logic cells"),
    (ECP5.placer, "TRELLIS_COMB: 90000/83640   107%", "90000 of 83640 LUTs"),
    (ECP5.placer, "TRELLIS_RAMW:    9/    8   112%", "9 of 8 distributed RAMs"),
    (ECP5.placer, "USRMCLK:    2/    1   200%", "2 of 1 USRMCLK"),
    (GOWIN.placer, "LUT4:  9000/ 8640   104%", "9000 of 8640 LUTs")])
def test_log_of_a_placer_that_ran_out_of_cells(placer, line, found):
    with pytest.raises(DoesNotFit, match=f"^The design does not fit Board: it needs {found}$"):
        refuse_unplaced("Board", f"Info: Utilisation:\nInfo: \t  {line}\nERROR: no\n", placer)


def test_log_of_a_placer_that_found_no_room():
    with pytest.raises(DoesNotFit, match="^The placer found no room on Board for all cells$"):
        refuse_unplaced("Board", "ERROR: no BELs remaining to implement cell type DFF\n",
                        GOWIN.placer)


def test_log_of_another_failure():
    refuse_unplaced("Board", "Info: \t  LUT4:  90/ 8640   1%\nERROR: unknown pin\n", GOWIN.placer)
