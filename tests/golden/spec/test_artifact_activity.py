"""The measured activity in a network file."""

import json
from dataclasses import replace

import pytest
from artifact_cases import edit_metadata, refusal, split, trained

from qblif.golden.spec.artifact import load

ACTIVITY = {"input->hidden": {"events": 2.5, "digits": 3.0},
            "hidden->out": {"events": 1.0, "digits": 1.0}}


def test_activity_is_an_entry_of_its_own(file):
    made = trained(activity=ACTIVITY)
    made.save(file)
    header, _ = split(file.read_bytes())
    assert json.loads(header["__metadata__"]["activity"]) == ACTIVITY
    assert "activity" not in json.loads(header["__metadata__"]["notes"])
    found = load(file)
    assert found.activity == made.activity == ACTIVITY and found.notes == made.notes
    assert found.notes["activity"] == ACTIVITY  # Where users look for it.


def test_activity_of_an_older_file(file):
    """It stands in the notes there."""
    edit_metadata(file, notes=json.dumps({"activity": ACTIVITY}))
    assert load(file).activity == ACTIVITY


def test_activity_is_no_part_of_the_digests(file):
    assert trained(activity=ACTIVITY).weights_digest == trained().weights_digest
    assert trained().activity is None and "activity" not in trained().notes
    trained().save(file)
    assert load(file).activity is None


def test_activity_that_is_replaced():
    other = {"hidden->out": {"digits": 9.0}}
    found = replace(trained(activity=ACTIVITY), activity=other)
    assert found.activity == found.notes["activity"] == other
    assert replace(found, notes={"seed": 4}).activity == other


@pytest.mark.parametrize("where", ["activity", "notes"])
@pytest.mark.parametrize("activity, reason", [
    ([1], r"Activity must be a dict of figures by synapse, not [1]"),
    ({"input->hidden": 3}, "Activity must be a dict of figures by synapse, not {'input->hidden'"),
    ({"input->hidden": {"digits": "many"}},
     "Activity of input->hidden, digits, must be a number of at least 0, not 'many'"),
    ({"input->hidden": {"digits": float("nan")}}, "Activity of input->hidden, digits, must"),
    ({"input->hidden": {"digits": -1}}, "Activity of input->hidden, digits, must"),
    ({"input->out": {"digits": 1}},
     "Activity must be of input->hidden, hidden->out, not 'input->out'")])
def test_activity_that_is_none(file, where, activity, reason):
    value = json.dumps(activity if where == "activity" else {"activity": activity})
    edit_metadata(file, **{where: value})
    assert refusal(file).startswith(f"{reason}")
