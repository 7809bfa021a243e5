"""`kadanoff exponents`: y_T and y_H over steps and operators, of rules and of files."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, add_seed, emit
from kadanoff.cli.measure import add_plot, picture
from kadanoff.cli.rules import add_rules, rules_of, stack_and_chains

if TYPE_CHECKING:
    from kadanoff.coarse.stack import Stack
    from kadanoff.ensemble import Ensemble
    from kadanoff.estimate import Estimate
    from kadanoff.instruments.convergence import Exponent
    from kadanoff.instruments.mcrg import Exponents, ScalingOperators, Scan

__all__ = [
    "add",
    "add_levels",
    "critical_coupling",
    "levels_of",
    "off_critical",
    "universal",
]

SMALLEST_SIDE = 8
NO_NUMBER = "none"
CLOSE = 1e-3
"""Relative distance to K_c from which on it is said that K is another coupling."""


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "exponents", help="y_T and y_H of a rule, over steps and operators"
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="fine configurations; without --rule the coarser levels after them",
    )
    add_levels(parser)
    for parity in ("even", "odd"):
        parser.add_argument(
            f"--{parity}",
            nargs="+",
            metavar="NAME",
            help=f"{parity} operators, most important first (by table)",
        )
    parser.add_argument(
        "--vectors",
        action="store_true",
        help="scaling fields and scaling operators of the reported step as well",
    )
    parser.add_argument(
        "--count", type=int, default=2, help="eigenvalues of --vectors (2)"
    )
    add_plot(parser, "exponents against the number of operators")
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def add_levels(parser: argparse.ArgumentParser) -> None:
    """`--rule` and `--steps`, for every command that reads levels."""
    add_rules(parser, required=False, note="a stack, which is then one step")
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help=f"how often it is applied (while the side stays {SMALLEST_SIDE} or more)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the scan and what is reported of it."""
    from kadanoff.instruments.mcrg import scan, scan_maps

    plot = arguments.plot and picture(arguments.plot, *arguments.files)
    if arguments.count < 1:
        raise ValueError(
            f"--vectors shows at least 1 eigenvalue, got --count {arguments.count}"
        )
    levels, rule = levels_of(arguments)
    names = {"even": arguments.even, "odd": arguments.odd}
    scans: dict[str, Scan | None]
    if any(level.features is not None for level in levels):
        if arguments.vectors:
            raise ValueError(
                "scaling operators are those of one map, got several feature maps; "
                "choose one with map=… in the rule, or leave --vectors out"
            )
        maps = scan_maps(levels, **names)
        scans = {f"map {m}": found for m, found in enumerate(maps.each)}
        scans["joint"] = maps.joint
    else:
        scans = {"": scan(levels, **names)}
    fine = levels[0]
    result: dict[str, Any] = {"rule": rule, "configurations": fine.size}
    if remark := off_critical(fine):
        result["remark"] = remark
    exact = universal(fine)
    if arguments.json:
        parts = {name: _as_json(s, exact) for name, s in scans.items() if s is not None}
        result |= parts.pop("", {})
        result |= {"maps": parts} if parts else {}
    else:
        for name, found in scans.items():
            if found is not None:
                result |= _as_text(found, exact, f"{name} " if name else "")
    if arguments.vectors:
        result |= _vectors(levels, scans[""], arguments)
    if plot:
        from kadanoff.reports.figures import save_figure

        shown = {name: s for name, s in scans.items() if s is not None}
        save_figure(_draw(shown, exact), plot)
        result["plot"] = plot
    emit(result, as_json=arguments.json)


def levels_of(arguments: argparse.Namespace) -> tuple[list[Ensemble], str]:
    """The levels, finest first, and in words what led from one to the next.

    Raises:
        ValueError: a rule and several files, neither of both, or levels that do not
            belong together.
    """
    files: list[Path] = arguments.files
    if (arguments.rule is None) == (len(files) == 1):
        raise ValueError(
            "levels are one file and --rule, or files from fine to coarse without it, "
            f"got {len(files)} {'file' if len(files) == 1 else 'files'} and "
            f"{'no' if arguments.rule is None else 'a'} rule"
        )
    if arguments.rule is None:
        if arguments.steps is not None:
            raise ValueError(
                f"--steps counts steps of a rule, got {len(files)} files, which are "
                "the steps; leave it out"
            )
        return _of_files(files), "files " + " ".join(map(str, files))
    if arguments.steps is not None and arguments.steps < 1:
        raise ValueError(f"a rule is applied at least 1 time, got {arguments.steps}")
    stack, fine = stack_and_chains(rules_of(arguments), files[0], arguments.seed)
    return _repeated(stack, fine, arguments.steps, arguments.seed), str(stack)


def _of_files(files: Sequence[Path]) -> list[Ensemble]:
    """Ensembles of the same chains; coarse ones of other programs take the first's."""
    from kadanoff.foreign import open_foreign

    levels = [open_foreign(files[0])]
    for file in files[1:]:
        level = open_foreign(file)
        if level.lineage != levels[0].lineage and not _is_ours(level):
            level = _placed(level, levels[0])
        levels.append(level)
    return levels


def _is_ours(ensemble: Ensemble) -> bool:
    """Whether the lineage names chains, and not the content of a foreign file."""
    return any(note.get("step") == "sample" for note in ensemble.history)


def _placed(level: Ensemble, fine: Ensemble) -> Ensemble:
    """A foreign level with the chains of the fine one and distances in its sites."""
    if level.data.shape[:2] != fine.data.shape[:2]:
        raise ValueError(
            "levels are the same chains and draws in the same order, got "
            f"{fine.chains} × {fine.draws} and {level.chains} × {level.draws}; import "
            "all of them with the same --chains"
        )
    b = fine.grid.shape[0] // level.grid.shape[0]
    grid = fine.grid.coarsened(b) if b > 1 else fine.grid
    if grid.shape != level.grid.shape:
        raise ValueError(
            "a coarse lattice is the fine one divided by a whole number, got "
            f"{fine.grid.shape} and {level.grid.shape}"
        )
    return replace(level, geometry=grid, lineage=fine.lineage, tau=fine.tau)


def _repeated(
    stack: Stack, fine: Ensemble, steps: int | None, seed: int
) -> list[Ensemble]:
    """The stack applied so often, or down to the smallest side."""
    from kadanoff.coarse.stack import Stack

    count = _fitting_steps(stack, fine) if steps is None else steps
    return list(Stack((stack,) * count).levels(fine, seed=seed))


def _fitting_steps(stack: Stack, fine: Ensemble) -> int:
    """How often it fits its own output; at least once, or the rule says why not."""
    from kadanoff.geometry import Grid

    level, alphabet = stack.coarse(fine.geometry), stack.alphabet(fine.alphabet)
    count = 1
    while stack.features is None and isinstance(level, Grid):
        try:
            alphabet, coarser = stack.alphabet(alphabet), stack.coarse(level)
        except ValueError:  # weights of one size, or another alphabet
            break
        fits = isinstance(coarser, Grid) and min(coarser.shape) >= SMALLEST_SIDE
        if not fits or coarser.size >= level.size:
            break
        level, count = coarser, count + 1
    return count


def universal(ensemble: Ensemble) -> dict[str, float]:
    """Exact y_T and y_H of the critical point of its model, in two dimensions.

    Ising and φ⁴ share theirs; of Potts up to 4 states. Empty where they are not known.
    """
    from kadanoff.exact import potts
    from kadanoff.exact.constants import Y_H, Y_T
    from kadanoff.models.ising import Ising
    from kadanoff.models.phi4 import Phi4
    from kadanoff.models.potts import Potts
    from kadanoff.models.registry import model_of

    model = model_of(ensemble)
    if model is None or len(model.shape) != 2:
        return {}
    ising = isinstance(model, Ising) and not model.field and model.second >= 0
    if ising or (isinstance(model, Phi4) and model.quartic > 0):
        return {"y_T": Y_T, "y_H": Y_H}
    if isinstance(model, Potts) and 2 <= model.q <= potts.CONTINUOUS:
        return {
            "y_T": potts.thermal_exponent(model.q),
            "y_H": potts.magnetic_exponent(model.q),
        }
    return {}


def off_critical(ensemble: Ensemble) -> str:
    """A sentence where K is not the critical coupling that is known; else empty."""
    from kadanoff.models.registry import model_of

    model = model_of(ensemble)
    critical = critical_coupling(model)
    if critical is None or "K" not in ensemble.couplings:
        return ""
    k = ensemble.couplings["K"]
    if abs(k / critical - 1) < CLOSE:
        return ""
    return (
        f"drawn at K = {k:.6g}, and {critical:.6g} is critical: exponents and "
        "dimensions are those of a critical point"
    )


def critical_coupling(model: Any) -> float | None:
    """K_c where it is known exactly."""
    from kadanoff.exact import planar, potts
    from kadanoff.exact.constants import K_C
    from kadanoff.models.ising import Ising
    from kadanoff.models.potts import Potts

    lattice = getattr(model, "lattice", None)
    if isinstance(model, Ising) and not model.field and not model.second:
        if lattice == "square":
            return K_C
        if lattice in ("triangular", "honeycomb"):
            return planar.critical_coupling(str(lattice))
    if isinstance(model, Potts) and lattice in ("square", "triangular", "honeycomb"):
        return potts.critical_coupling(model.q, str(lattice))
    return None


def _as_json(found: Scan, exact: dict[str, float]) -> dict[str, Any]:
    return {
        "steps": [vars(step) for step in found.steps],
        "reported": found.reported,
        "y_t": _exponent(found.y_t, exact),
        "y_h": _exponent(found.y_h, exact),
        "drift": found.drift and vars(found.drift),
    }


def _exponent(found: Exponent, exact: dict[str, float]) -> dict[str, Any]:
    """The estimate with its jackknife error; the whole error has its own name."""
    more = {k: v for k, v in vars(found).items() if k not in ("estimate", "error")}
    beside = {"exact": exact[found.name]} if found.name in exact else {}
    whole = {"error_with_changes": found.error}
    return {**found.estimate.as_dict(), **beside, **whole, **more}


def _as_text(found: Scan, exact: dict[str, float], of: str) -> dict[str, Any]:
    """Readings, then a row for each number of operators and a column for each step."""
    shown: dict[str, Any] = {}
    for y in (found.y_t, found.y_h):
        at = f"   exact {exact[y.name]:.10g}" if y.name in exact else ""
        shown[of + y.name] = f"{_cell(y.estimate)}{at}"
        shown[f"{of}{y.name} verdict"] = y.sentence
    shown[f"{of}step"] = _columns(
        _shape(step) + (" ←" if k == found.reported else "")
        for k, step in enumerate(found.steps)
    )
    shown[f"{of}b"] = _columns(f"{step.b:.4g}" for step in found.steps)
    for name, which, values in (("y_T", "even", "y_t"), ("y_H", "odd", "y_h")):
        tables = [
            dict(zip(getattr(s, which), getattr(s, values), strict=True))
            for s in found.steps
        ]
        operators = list(dict.fromkeys(o for table in tables for o in table))
        for n, operator in enumerate(operators, 1):
            cells = (_cell(table.get(operator)) for table in tables)
            shown[f"{of}{name} {n}"] = _columns((*cells, f"with {operator}"))
    if found.drift is not None:
        for n, name in enumerate(found.drift.operators):
            moved = f"{found.drift.before[n]} → {found.drift.after[n]}"
            shown[f"{of}coupling {name}"] = f"{moved} over that step"
    for k, step in enumerate(found.steps, 1):
        for n, flag in enumerate(step.flags, 1):
            shown[f"{of}step {k} flag {n}"] = flag
    return shown


def _shape(step: Exponents) -> str:
    sides = (
        str(shape[0]) if len(set(shape)) == 1 else "×".join(map(str, shape))
        for shape in (step.fine, step.coarse)
    )
    return "→".join(sides)


def _cell(y: Estimate | None) -> str:
    if y is None:
        return "-"
    return str(y) if math.isfinite(float(y.value)) else NO_NUMBER


def _columns(cells: Any) -> str:
    return "".join(f"{cell:<14}  " for cell in cells).rstrip()


def _vectors(
    levels: Sequence[Ensemble], found: Scan | None, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Eigenvectors of both sectors at the step that is reported."""
    from kadanoff.instruments.mcrg import scaling_operators

    assert found is not None  # refused above for feature maps
    fine, coarse = levels[found.reported : found.reported + 2]
    sectors = {
        parity: scaling_operators(
            fine,
            coarse,
            parity=parity,
            operators=getattr(arguments, parity),
            count=arguments.count,
        )
        for parity in ("even", "odd")
    }
    if arguments.json:
        return {"vectors": {parity: vars(s) for parity, s in sectors.items()}}
    lines: dict[str, Any] = {}
    for parity, sector in sectors.items():
        lines |= _eigenvectors(parity, sector)
    return lines


def _eigenvectors(parity: str, sector: ScalingOperators) -> dict[str, str]:
    lines = {f"{parity} operators": _columns(sector.operators)}
    for i in range(sector.eigenvalues.value.size):
        exponent = _cell(sector.exponents[i])
        value = _cell(sector.eigenvalues[i])
        lines[f"{parity} λ_{i + 1}"] = f"{value}   y = {exponent}"
        if value == NO_NUMBER:
            continue
        for name, rows in (("field", sector.fields), ("direction", sector.directions)):
            entries = range(len(sector.operators))
            lines[f"{parity} {name} {i + 1}"] = _columns(
                _cell(rows[i, k]) for k in entries
            )
    flags = {f"{parity} flag {n}": text for n, text in enumerate(sector.flags, 1)}
    return lines | flags


def _draw(scans: dict[str, Scan], exact: dict[str, float]) -> Any:
    """Two panels for each scan: y_T and y_H against the number of operators."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    from kadanoff.reports.figures import PALETTE, figure

    fig = figure(8.4, 3.4 * len(scans), rows=len(scans), columns=2)
    for row, (title, found) in enumerate(scans.items()):
        for column, (name, values) in enumerate((("y_T", "y_t"), ("y_H", "y_h"))):
            ax = fig.axes[2 * row + column]
            for k, step in enumerate(found.steps):
                ys: Sequence[Estimate] = getattr(step, values)
                ax.errorbar(
                    np.arange(1, len(ys) + 1) + 0.06 * k,
                    [float(y.value) for y in ys],
                    [float(y.error) for y in ys],
                    marker="o",
                    markersize=4,
                    capsize=2,
                    color=PALETTE[k % len(PALETTE)],
                    label=_shape(step),
                )
            if name in exact:
                ax.axhline(exact[name], color="black", linestyle="--", linewidth=1)
            letter = f"$y_{name[-1]}$"
            ax.set_title(f"{letter} {title}".strip(), fontsize=11, loc="left")
            ax.set_xlabel("operators", fontsize=10)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            if ax.get_legend_handles_labels()[0]:
                ax.legend(fontsize=9, frameon=False)
    return fig
