"""README's picture: its bursts are those of the network that ships."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

from qblif.report import picture

ROOT = Path(__file__).parents[2]
PLAN = {"columns": 126, "rows": 95, "side": 2, "components": [
    {"name": "hidden engine", "tiles": [[0, 0, 4], [1, 0, 2]]},
    {"name": "out neurons", "tiles": [[1, 0, 3], [5, 7, 1]]}]}
REPORT = {"floorplan": PLAN, "placed": {"part": "LFE5U-85F-6BG756", "total": {"lut": 2067}}}


def part(text, name):
    return re.search(rf"<g id='{name}'>(.*?)</g>", text, re.DOTALL)[1]


def test_bursts_are_the_integer_models():
    made = picture.draw(json.loads(json.dumps(REPORT)))
    kept = (ROOT / "docs" / "first-screen.svg").read_text()
    assert part(made, "bursts") == part(kept, "bursts")
    for text in (made, kept):
        ElementTree.fromstring(text)
        assert "LFE5U-85F" in text and "it says 8" in text
        assert "<script" not in text and "href" not in text


def test_a_tile_has_the_colour_of_most_of_its_cells():
    drawn = picture._floorplan(PLAN)
    tiles = re.findall(r"height='2\.96' fill='(#\w+)'", drawn)
    assert tiles == [picture.COLOURS[0], picture.COLOURS[1], picture.COLOURS[1]]
