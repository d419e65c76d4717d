"""The points of a sweep in Optuna's journal, one file for any number of processes and hosts.

A process takes a point under a lock, and no point that is finished or that a process which lives is
at.  Whether it lives tells the lock of a file of its own, which it holds until it ends.
"""

import contextlib
import fcntl
import json
import os
import secrets
import socket
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from ..golden.spec.errors import InvalidValue
from ..golden.spec.files import locked
from .space import OBJECTIVES

__all__ = ["Finished", "Journal"]

NAME = "qblif"  # Of the study: a journal holds one.
ATTEMPTS = 20  # Of a sampler to find a point that is not taken; then it is the first such.


class Finished(NamedTuple):
    """A point, by parameter, with its figures by objective, or the reason why it has none."""

    point: dict
    figures: dict | None
    reason: str | None


class _Lock(JournalFileOpenLock):
    """Optuna's own lock, as one that a killed process does not leave behind."""

    def __init__(self, path):
        self.path = path

    def acquire(self):
        self.held = contextlib.ExitStack()
        self.held.enter_context(locked(self.path))
        return True

    def release(self):
        self.held.close()


class Journal:
    """The points that are taken and finished; used in a ``with``, at whose end the points that
    were not finished are free again.

    Parameters
    ----------
    folder : Path
        Holds ``sweep.journal`` and the locks.
    space : :class:`qblif.sweep.space.Space`
    identity : dict
        What must be equal for a point to be the same, plain values for JSON.

    Raises :class:`~qblif.golden.spec.errors.InvalidValue` for a damaged file, and for one of
    another identity, which it names.
    """

    def __init__(self, folder, space, identity):
        self.space, self.path = space, Path(folder) / "sweep.journal"
        self._claims, self._owners = Path(folder) / "sweep.lock", Path(folder) / "running"
        self._values = {name: {_plain(value): value for value in values}
                        for name, values in space.parameters.items()}
        self._choices: dict[str, Any] = {
            name: CategoricalDistribution(list(values)) for name, values in self._values.items()}
        self._open = {}  # Trials of ours that are not finished, by number.
        self._owners.mkdir(exist_ok=True)
        self._owner = self._owners / f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._alive = contextlib.ExitStack()
        with self.lock():
            for owner in self._owners.iterdir():
                _is_held(owner)  # Where not, it goes.
            self._study = self._load(identity)
            self._alive.enter_context(locked(self._owner))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._owner.unlink(missing_ok=True)
        self._alive.close()

    def _load(self, identity):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        lock = _Lock(self.path.with_suffix(".write"))
        with locked(lock.path):
            _mend(self.path)
        text = json.dumps(identity, sort_keys=True)
        try:
            study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(self.path), lock)), study_name=NAME,
                directions=["maximize" if OBJECTIVES[name][1] else "minimize"
                            for name in self.space.objectives],
                sampler=self._sampler(), load_if_exists=True)
            known = study.user_attrs.get("identity")
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError) as error:
            raise _damaged(self.path) from error
        if known is None:
            study.set_user_attr("identity", text)
        elif known != text:
            _refuse(self.path, json.loads(known), json.loads(text))
        return study

    def _sampler(self):
        # Of another seed in each process, or they would propose the same.
        seed = self.space.seed + sum(1 for _ in self._owners.iterdir())
        if self.space.sampler == "tpe":
            return optuna.samplers.TPESampler(seed=seed)
        return optuna.samplers.NSGAIISampler(seed=seed)

    def lock(self):
        """A context in which no other process claims a point, or holds this lock."""
        return locked(self._claims)

    def claim(self):
        """``(number, point)`` of a point to evaluate, or ``None`` where all are taken."""
        with self.lock():
            taken = self._taken()
            if len(taken) >= self.space.wanted:
                return None
            for attempt in range(ATTEMPTS):
                if self.space.sampler == "grid" or attempt == ATTEMPTS - 1:
                    self._study.enqueue_trial(next(
                        point for point in map(_plain_point, self.space.grid())
                        if _key(point) not in taken))
                trial = self._study.ask(self._choices)
                if _key(trial.params) not in taken:
                    trial.set_user_attr("owner", self._owner.name)
                    self._open[trial.number] = trial
                    return trial.number, self._point(trial)
                self._study.tell(trial, state=TrialState.FAIL)
            return None

    def finish(self, number, figures):
        """Write down the ``figures`` of a point, by objective."""
        self._study.tell(self._open.pop(number),
                         [figures[name] for name in self.space.objectives])

    def refuse(self, number, reason):
        """Write down why a point has no figures: it is finished too."""
        trial = self._open.pop(number)
        trial.set_user_attr("refused", reason)
        self._study.tell(trial, state=TrialState.FAIL)

    def finished(self):
        """A list of :class:`Finished`, of all processes, in the order of the parameters' values."""
        found = []
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state == TrialState.COMPLETE:
                found.append(Finished(self._point(trial), dict(zip(
                    self.space.objectives, trial.values, strict=True)), None))
            elif "refused" in trial.user_attrs:
                found.append(Finished(self._point(trial), None, trial.user_attrs["refused"]))
        return sorted(found, key=lambda one: [
            values.index(one.point[name]) for name, values in self.space.parameters.items()])

    def _point(self, trial):
        """By parameter, the values that Optuna's choices stand for."""
        return {name: values[trial.params[name]] for name, values in self._values.items()}

    def _taken(self):
        """Keys of the points that are finished, or that a living process is at.  Those of the
        others are given up."""
        taken, lives = set(), {}
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state == TrialState.RUNNING:
                owner = trial.user_attrs.get("owner")
                if owner not in lives:
                    lives[owner] = owner is not None and _is_held(self._owners / owner)
                if not lives[owner]:
                    self._study.tell(trial.number, state=TrialState.FAIL)
                    continue
            elif trial.state != TrialState.COMPLETE and "refused" not in trial.user_attrs:
                continue
            taken.add(_key(trial.params))
        return taken


def _plain(value):
    """What Optuna takes as a choice: a list as its text."""
    return json.dumps(value) if isinstance(value, (list, tuple)) else value


def _plain_point(point):
    return {name: _plain(value) for name, value in point.items()}


def _key(point):
    return json.dumps(point, sort_keys=True)


def _is_held(path):
    """Whether a process holds the lock of the file; where not, the file goes."""
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    path.unlink(missing_ok=True)
    return False


def _mend(path):
    """Take away a last line that was not written to its end.

    Raises :class:`InvalidValue` where the file is no journal.
    """
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content[:content.rfind(b"\n") + 1]
    try:
        for line in whole.splitlines():
            json.loads(line)["op_code"]
    except (ValueError, TypeError, LookupError) as error:
        raise _damaged(path) from error
    if content and not whole:
        raise _damaged(path)
    if whole != content:
        os.truncate(path, len(whole))


def _damaged(path):
    return InvalidValue(f"{path}: damaged, or not the journal of a sweep")


def _refuse(path, known, wanted):
    """Say in what a journal is of another sweep."""
    name = next(name for name in wanted if known.get(name) != wanted[name])
    raise InvalidValue(f"{path}: is of another sweep, whose {name.replace('_', ' ')} is "
                       f"{known.get(name)!r}, not {wanted[name]!r}: choose another folder")
