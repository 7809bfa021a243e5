"""`kadanoff probe`: the scorecard of one coarse-graining."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import (
    add_json,
    add_runs,
    add_seed,
    emit,
    progress_bars,
    writable,
)
from kadanoff.cli.rules import add_rules, rules_of

if TYPE_CHECKING:
    from kadanoff.ensemble import Ensemble
    from kadanoff.reports.sheet import Sheet

__all__ = ["add", "add_outputs", "add_rows", "exact_of", "outputs", "show", "wanted"]

NONE = "none"


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("probe", help="the scorecard of a rule, or of a pair")
    parser.add_argument(
        "file", type=Path, help="fine configurations, or a sweep's folder"
    )
    parser.add_argument("coarse", type=Path, nargs="?", help="coarse ones, in order")
    add_rules(parser, required=False)
    add_rows(parser)
    parser.add_argument(
        "--controls",
        nargs="+",
        default="all",
        metavar="CONTROL",
        help="controls to set beside: block, positive, …, or none (all)",
    )
    add_outputs(parser)
    add_seed(parser)
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the scorecard."""
    if (arguments.coarse is None) == (arguments.rule is None):
        raise ValueError(
            "a probe needs either --rule or a second file of coarse configurations; "
            "give one of them"
        )
    files = outputs(arguments, *filter(None, (arguments.file, arguments.coarse)))
    of_sweep = arguments.file.is_dir()
    with progress_bars() as told:
        if of_sweep:
            card, sheet, each = _cards(arguments, told, pictures=bool(files))
        else:
            card, sheet = _card(arguments, told, pictures=bool(files))
            each = None
    show(card, sheet, files, as_json=arguments.json, each=each)


def add_rows(parser: argparse.ArgumentParser) -> None:
    """`--rows`, for every command that reads rows of a scorecard."""
    parser.add_argument(
        "--rows",
        nargs="+",
        default="all",
        metavar="ROW",
        help="rows to read: locality, covariance, …; quick for those that train "
        "nothing (all)",
    )


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """`--html` and `--png`, for every command that reads a scorecard."""
    parser.add_argument(
        "--html", type=Path, metavar="FILE.html", help="a page with pictures"
    )
    parser.add_argument("--png", type=Path, metavar="FILE.png", help="a slide")


def outputs(arguments: argparse.Namespace, *inputs: Path) -> dict[str, Path]:
    """The files that were asked for, by their kind, if they can be written.

    Raises:
        ValueError: another ending, one file for both, or a place that `writable`
            refuses.
    """
    asked = {"html": arguments.html, "png": arguments.png}
    files = {kind: path for kind, path in asked.items() if path is not None}
    for kind, path in files.items():
        if path.suffix.lower() != f".{kind}":
            raise ValueError(f"--{kind} needs a name that ends in .{kind}, got {path}")
        writable(path, *inputs)
    return files


def wanted(arguments: argparse.Namespace) -> list[str] | tuple[str, ...] | str:
    """The rows that were asked for."""
    from kadanoff.scorecard.rows import QUICK

    return QUICK if arguments.rows == ["quick"] else _names(arguments.rows)


def exact_of(fine: Ensemble) -> dict[str, float]:
    """Exact exponents, where the configurations are those of a critical point."""
    from kadanoff.cli.exponents import off_critical, universal

    return {} if off_critical(fine) else universal(fine)


def show(
    found: Any,
    sheet: Sheet | None,
    files: dict[str, Path],
    *,
    as_json: bool,
    each: Mapping[str, Sheet] | None = None,
) -> None:
    """Write what was asked for, print the readings and where it is.

    Args:
        found: a scorecard or a comparison.
        sheet: the same with pictures; None where no file was asked for.
        files: of `outputs`.
        as_json: print one object.
        each: the parts of a comparison that have a sheet each, for its page.
    """
    if sheet is not None and "html" in files:
        from kadanoff.reports.page import write
        from kadanoff.reports.scorecard import page, page_of_several

        whole = page_of_several(sheet.title, each) if each else page(sheet)
        write(whole, files["html"])
    if sheet is not None and "png" in files:
        from kadanoff.reports.figures import save_figure
        from kadanoff.reports.slide import slide

        save_figure(slide(sheet), files["png"])
    if as_json:
        emit({**found.as_dict(), **files}, as_json=True)
        return
    print(found)
    emit(files, as_json=False)


def _card(
    arguments: argparse.Namespace, told: Any, *, pictures: bool
) -> tuple[Any, Sheet | None]:
    """The scorecard, and the same with what is seen besides where that is drawn."""
    from kadanoff.coarse.grammar import parse_rule
    from kadanoff.foreign import open_foreign
    from kadanoff.scorecard.card import probe, probe_pair

    if arguments.coarse:
        given: Any = _pair(arguments.file, arguments.coarse)
        fine = given[0]
    else:
        fine = open_foreign(arguments.file)
        given = ([parse_rule(rule) for rule in rules_of(arguments)], fine)
    shared = {"seed": arguments.seed, "progress": told}
    found = (probe_pair if arguments.coarse else probe)(
        *given,
        rows=wanted(arguments),
        controls=_controls(arguments),
        runs=arguments.runs,
        **shared,
    )
    if not pictures:
        return found, None
    from kadanoff.scorecard.sheet import of_card, portraits, portraits_of_pair

    look = portraits_of_pair if arguments.coarse else portraits
    seen = look(*given, controls=[*found.controls], **shared)
    return found, of_card(found, seen, exact=exact_of(fine), seed=arguments.seed)


def _pair(fine: Path, coarse: Path) -> tuple[Ensemble, Ensemble]:
    """Both files; one that does not say its chains has as many as the other."""
    from kadanoff.foreign import open_foreign
    from kadanoff.storage import is_native_file

    says, other = (fine, coarse) if is_native_file(fine) else (coarse, fine)
    first = open_foreign(says)
    both = is_native_file(other) or not is_native_file(says)
    second = open_foreign(other, chains=None if both else first.chains)
    return (first, second) if says == fine else (second, first)


def _cards(
    arguments: argparse.Namespace, told: Any, *, pictures: bool
) -> tuple[Any, Sheet | None, dict[str, Sheet] | None]:
    """Those of one rule at every temperature of a sweep, together and each."""
    from kadanoff.coarse.grammar import parse_rule
    from kadanoff.scorecard.card import probe_sweep
    from kadanoff.sweep import load_sweep

    if arguments.coarse:
        raise ValueError(
            f"a pair is two files, and {arguments.file} is a folder; name the files of "
            "one temperature, or give the folder with --rule"
        )
    sweep = load_sweep(arguments.file)
    rules = [parse_rule(rule) for rule in rules_of(arguments)]
    shared: Any = {"seed": arguments.seed, "progress": told}
    found = probe_sweep(
        rules,
        sweep,
        rows=wanted(arguments),
        controls=_controls(arguments),
        runs=arguments.runs,
        **shared,
    )
    if not pictures:
        return found, None, None
    from kadanoff.reports.sheet import THIS
    from kadanoff.scorecard.sheet import (
        at_couplings,
        of_card,
        of_temperatures,
        portraits,
    )

    each, maps = {}, {}
    names = at_couplings([*sweep.couplings])
    for name, card, fine in zip(names, found, sweep, strict=True):
        seen = portraits(rules, fine, controls=[*card.controls], **shared)
        each[name] = of_card(card, seen, exact=exact_of(fine), seed=arguments.seed)
        maps[name] = seen[THIS]
    sheet = of_temperatures(found, [*sweep.couplings], maps, seed=arguments.seed)
    return found, sheet, each


def _controls(arguments: argparse.Namespace) -> list[str] | tuple[str, ...] | str:
    """The controls that were asked for."""
    none = arguments.controls == [NONE]
    return () if none else _names(arguments.controls)


def _names(given: list[str] | str) -> list[str] | str:
    """What was asked for, `all` as a word."""
    return "all" if given == ["all"] else given
