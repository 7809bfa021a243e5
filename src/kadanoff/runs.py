"""Work that can be killed and taken up again: one directory for one set of settings.

A run is a directory `<step>-<hash>`, where the hash (BLAKE2b, 48 bits) is that of the
canonical JSON of the step, the version of its code, its settings and the *content* of
its inputs: the same work finds its own directory again. `settings.json` says what is
done, `done` what came out; every file appears under its name by rename. One process at
a time holds `lock`: the kernel frees it when the process ends, however it ends.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kadanoff.content import content_hash
from kadanoff.files import replacing
from kadanoff.locks import RunBusy, held
from kadanoff.provenance import canonical, environment, plain

__all__ = ["Run", "RunBusy", "RunInfo", "content_hash", "list_runs"]

DEFAULT_ROOT = Path("runs")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{12}")
HASH = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Run:
    """One piece of work and the directory it owns; make one with `Run.of`.

    Args:
        directory: `<root>/<step>-<hash>`.
        step: what is done, one word.
        identity: step, version, settings and hashes of the inputs, as plain data.
        warning: how this environment differs from the one that began the run; empty
            if it does not. Results may then differ in their last bits.
    """

    directory: Path
    step: str
    identity: Mapping[str, Any] = field(hash=False)
    warning: str = ""

    @classmethod
    def of(
        cls,
        root: str | Path | None = None,
        *,
        step: str,
        version: int,
        settings: Any,
        inputs: Mapping[str, Any] | None = None,
    ) -> Run:
        """The run of these settings under `root` (`./runs`); nothing is created.

        Args:
            step: what is done, one word such as `sample`.
            version: of the code of the step; raise it when results change.
            settings: a mapping or dataclass of plain data.
            inputs: name → ensemble, array, `Path`, or a hash from `content_hash`.

        Raises:
            ValueError: a step that is no file name, settings that are not plain
                data, or an input that cannot be hashed.
        """
        _check_name(step)
        hashes = {name: _input_hash(value) for name, value in (inputs or {}).items()}
        identity = json.loads(
            canonical(
                {
                    "step": step,
                    "version": version,
                    "settings": settings,
                    "inputs": hashes,
                }
            )
        )
        directory = Path(root or DEFAULT_ROOT) / f"{step}-{_short_hash(identity)}"
        return cls(directory, step, identity)

    @property
    def name(self) -> str:
        """`<step>-<hash>`: the lineage of what the run draws."""
        return self.directory.name

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings, as plain data."""
        return self.identity["settings"]

    @property
    def done(self) -> bool:
        """Whether the run has finished."""
        return self.has("done")

    @property
    def summary(self) -> dict[str, Any]:
        """What `finish` was given.

        Raises:
            ValueError: the run has not finished.
        """
        if not self.done:
            raise ValueError(
                f"run {self.directory} has no summary, it has not finished; run the "
                "same command again"
            )
        return _read_json(self.path("done"))["summary"]

    def path(self, name: str) -> Path:
        """Where a file of the run is, or will be.

        Raises:
            ValueError: `name` is not a plain file name.
        """
        _check_name(name)
        return self.directory / name

    def has(self, name: str) -> bool:
        """Whether a file of the run is there; what is there is whole."""
        return self.path(name).is_file()

    @contextmanager
    def open(self, *, timeout: float = 0.0, product: str = "") -> Iterator[Run]:
        """The run, held by this process alone and cleared of half-written files.

        Args:
            timeout: seconds to wait for another process that works on it.
            product: how matrix products are computed, where that can change bits.

        Raises:
            RunBusy: another process holds the run when the time is over.
            ValueError: the directory cannot be made or written.
        """
        with held(self.directory, timeout):
            for leftover in self.directory.glob(".*.tmp"):
                leftover.unlink(missing_ok=True)
            here = {**environment(), "product": product}
            yield replace(self, warning=self._begin(here))

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Mark the run as done.

        Raises:
            ValueError: the summary is not plain data, or the run was never opened.
        """
        if not self.has("settings.json"):
            raise ValueError(f"run {self.directory} was never opened; open it first")
        record = {"summary": summary, "finished_at": _now()}
        _write_json(self.path("done"), record)

    def _begin(self, here: Mapping[str, Any]) -> str:
        """Record the settings, or compare with the record; the difference found."""
        try:
            began = _read_json(self.path("settings.json"))["environment"]
        except (OSError, ValueError, KeyError, TypeError):
            record = {**self.identity, "environment": here, "started_at": _now()}
            _write_json(self.path("settings.json"), record)
            return ""
        return _difference(began, json.loads(canonical(here)))


@dataclass(frozen=True)
class RunInfo:
    """What a directory under the root says about itself.

    Args:
        path: the directory.
        step: what was done.
        settings: with what, as plain data.
        done: whether it has finished.
        size: bytes on disk.
        date: when it began, ISO 8601 in UTC.
        warning: how this environment differs from the one that began it.
        problem: what is wrong with the directory, empty if nothing is.
    """

    path: Path
    step: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    done: bool = False
    size: int = 0
    date: str = ""
    warning: str = ""
    problem: str = ""


def list_runs(root: str | Path = DEFAULT_ROOT) -> list[RunInfo]:
    """All runs under `root`, oldest first; broken ones say what is wrong with them."""
    root = Path(root)
    if not root.is_dir():
        return []
    here = environment()
    folders = [p for p in root.iterdir() if p.is_dir() and RUN_NAME.fullmatch(p.name)]
    found = [_info(folder, here) for folder in folders]
    return sorted(found, key=lambda info: (info.date, info.path.name))


def _short_hash(identity: Mapping[str, Any]) -> str:
    return hashlib.blake2b(canonical(identity).encode(), digest_size=6).hexdigest()


def _input_hash(value: Any) -> str:
    if not isinstance(value, str):
        return content_hash(value)
    if not HASH.fullmatch(value):
        raise ValueError(
            f"an input given as text is a hash from content_hash, got {value!r}; wrap "
            "the name of a file in Path"
        )
    return value


def _info(folder: Path, here: Mapping[str, Any]) -> RunInfo:
    step = folder.name.rpartition("-")[0]
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    try:
        record = _read_json(folder / "settings.json")
        identity = {k: record[k] for k in ("step", "version", "settings", "inputs")}
        known = RunInfo(
            folder,
            step,
            settings=record["settings"],
            size=size,
            date=record["started_at"],
            warning=_difference(record["environment"], here),
        )
        if f"{step}-{_short_hash(identity)}" != folder.name:
            return replace(known, problem="settings.json is of another run")
        if (folder / "done").exists():
            _read_json(folder / "done")["summary"]
            return replace(known, done=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        reason = " ".join(str(problem).split())
        return RunInfo(folder, step, size=size, problem=f"cannot be read: {reason}")
    return known


def _difference(began: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """One sentence on the entries that both records hold and that differ."""
    then, now = dict(_leaves(began)), dict(_leaves(here))
    changed = [
        f"{name} {then[name]} then, {now[name]} now"
        for name in then
        if name in now and then[name] != now[name]
    ]
    if not changed:
        return ""
    return f"began in another environment ({'; '.join(changed)}): bits may differ"


def _leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name} ")
        else:
            yield f"{path}{name}", value


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(
            f"a name is letters, digits, dots, dashes and underscores, got {name!r}; "
            "choose another"
        )


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path: Path, record: Mapping[str, Any]) -> None:
    text = json.dumps(record, default=plain, indent=1, ensure_ascii=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
