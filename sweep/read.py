"""A sweep's space from its TOML file; docs/sweep.md documents it."""

import tomllib
from pathlib import Path
from typing import Any

from ..golden.spec.errors import InvalidValue, QblifError
from ..golden.training.config import TrainConfig
from .space import Space, check_one

__all__ = ["read_space"]


def read_space(path) -> Space:
    """The :class:`Space` of a TOML file, whose paths are relative to its folder.

    Raises :class:`~qblif.golden.spec.errors.QblifError` with a sentence that names the file.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"{path}: damaged, or not TOML ({error})") from error
    try:
        for name in content:
            check_one("Key", name, Space.__dataclass_fields__)
        for name in ("parameters", "objectives"):
            if name not in content:
                raise InvalidValue(f"{name} are missing")
        _check_fields(content.get("train", {}))
        for name in ("network", "data"):
            if isinstance(content.get(name), str):
                content[name] = _resolve(path.parent, name, content[name])
        fields: dict[str, Any] = {"train": {}} | content
        return Space(**fields)
    except QblifError as error:
        raise type(error)(f"{path}: {error}") from error


def _check_fields(train):
    if isinstance(train, dict):
        for name in train:
            check_one("Key of train", name, ("recipe", "neuron",
                                              *TrainConfig.__dataclass_fields__))


def _resolve(folder, name, value):
    """A path beside the space's file; a network that ships stays a name."""
    from ..api.network import networks
    if name == "network" and value in networks():
        return value
    return str((folder / value).resolve())
