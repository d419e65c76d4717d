import pytest
from cli_cases import run

from qblif.cli.train import read_changes
from qblif.golden.training.recipes import (
    CIFAR_VGG,
    EMBEDDED,
    MNIST,
    PAPER_CIFAR10,
    choose_recipe,
)


@pytest.mark.parametrize("data, name, net, recipe", [
    (None, None, None, EMBEDDED), ("folder", None, None, MNIST),
    ("folder", None, "vgg-small", CIFAR_VGG), ("folder", "cifar-vgg", None, CIFAR_VGG),
    ("folder", None, "resnet20", PAPER_CIFAR10)])
def test_recipe_of_network_or_data(data, name, net, recipe):
    assert choose_recipe(data, name, net=net) == recipe


def test_asked_for_goes_before_the_recipe():
    assert choose_recipe(None, "mnist", net="8c3", epochs=3).epochs == 3
    assert choose_recipe("folder", net="8c3").net == "8c3"


def test_training_of_a_file_goes_before_the_recipe():
    base = EMBEDDED
    assert choose_recipe("folder", base=base) == base
    assert choose_recipe("folder", base=base, seed=5).seed == 5
    assert choose_recipe("folder", "mnist", base=None) == MNIST


def test_recipe_unknown():
    with pytest.raises(ValueError, match=r"^Recipe must be one of mnist, .* not 'cifar'$"):
        choose_recipe(None, "cifar")


def test_fields_by_name():
    assert read_changes(["crop=4", "flip=true", "optimiser=sgd", "lr=0.1"]) == {
        "crop": 4, "flip": True, "optimiser": "sgd", "lr": 0.1}


def test_field_unknown():
    for given in ({"base": EMBEDDED}, {"name": "mnist"}):
        with pytest.raises(ValueError, match=r"^Recipe has no field 'cropp': crop is one$"):
            choose_recipe(**given, **read_changes(["cropp=4"]))
        with pytest.raises(ValueError, match=r"^Recipe has no field 'xyz': golden/training/config"
                                             r"\.py and config_augment\.py list those that"):
            choose_recipe(**given, **read_changes(["xyz=4"]))
    with pytest.raises(ValueError, match=r"^--set takes FIELD=VALUE, not 'epochs'$"):
        read_changes(["epochs"])


@pytest.mark.parametrize("earlier, written, options, advised", [
    (False, False, [], False), (True, False, [], False), (False, True, [], True),
    (True, False, ["--resume"], True)])
def test_ctrl_c(capsys, stripes, out, monkeypatch, earlier, written, options, advised):
    """It names the checkpoint where there is one of this training."""
    checkpoint = out / "checkpoint.pt"
    out.mkdir()
    if earlier:
        checkpoint.write_bytes(b"earlier")

    def stop(*_, **__):
        if written:
            checkpoint.write_bytes(b"epoch 1")
        raise KeyboardInterrupt

    monkeypatch.setattr("qblif.cli.train.train_network", stop)
    capsys.readouterr()
    assert run("train", "--data", stripes, "--out", out, *options) == 130
    advice = f"; --resume continues from {checkpoint}" if advised else ""
    assert capsys.readouterr().err == f"qblif: stopped{advice}\n"
