"""`kadanoff dimensions`: Δ_σ, Δ_ε and C_σσε of configurations at a critical point."""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, add_seed, emit
from kadanoff.cli.exponents import add_levels, levels_of, off_critical, universal
from kadanoff.cli.measure import add_plot, picture
from kadanoff.cli.scaling import KNOWN, exponent

if TYPE_CHECKING:
    from kadanoff.ensemble import Ensemble
    from kadanoff.instruments.scaling import ScalingDimension, Window
    from kadanoff.instruments.scaling_levels import CallanSymanzik
    from kadanoff.instruments.scaling_sizes import SizeLaw, SizeScaling

__all__ = ["add"]

SYMBOLS = {"spin": "Δ_σ", "energy": "Δ_ε"}
FORMS = ("chord", "stretched")
Part = dict[str, Any]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "dimensions", help="scaling dimensions of critical configurations"
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="configurations; several levels of the same chains, finest first; or "
        "several sizes at one coupling",
    )
    add_levels(parser)
    parser.add_argument(
        "--form", choices=FORMS, default=FORMS[0], help="of the torus with a free Δ"
        " (chord)",
    )  # fmt: skip
    parser.add_argument(
        "--r-min",
        type=float,
        nargs="+",
        metavar="R",
        help="shortest distances fitted, in sites (1, 2, 3, 4, 6, … to a quarter of "
        "the side)",
    )
    parser.add_argument(
        "--omega",
        type=exponent,
        default=KNOWN,
        metavar="W",
        help="exponent of the correction L^-W of several sizes, none, or known: 7/4 "
        "for the Ising class in two dimensions and three sizes, else none (known)",
    )
    add_plot(parser, "Δ against r_min, and over levels or sizes")
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Every reading that these files allow, and why not where they do not."""
    plot = arguments.plot and picture(arguments.plot, *arguments.files)
    levels, sizes = _files(arguments)
    one = max(sizes, key=lambda e: e.grid.size) if sizes else levels[0]
    exact = _exact(one)
    found: Part = {}
    if len(levels) > 1:  # what is asked for is refused aloud, the rest in its place
        found["levels"] = {"found": _running(levels)}
    if sizes:
        found["sizes"] = {"found": _law_of_sizes(sizes, arguments.omega)}
    read = _tried if arguments.r_min is None else _always
    found = {
        **{operator: read(_window, one, operator, arguments) for operator in SYMBOLS},
        "three_point": _tried(_triple, one),
        **found,
    }
    problems = [part["problem"] for part in found.values() if "problem" in part]
    if len(problems) == len(found):
        raise ValueError(problems[0])
    result: Part = {"configurations": one.size, "lattice": list(one.geometry.lattice)}
    if remark := off_critical(one):
        result["remark"] = remark
    show = _as_json if arguments.json else _as_text
    result |= show(found, exact)
    if plot:
        from kadanoff.reports.figures import save_figure

        save_figure(_draw(found, exact), plot)
        result["plot"] = plot
    emit(result, as_json=arguments.json)


def _files(arguments: argparse.Namespace) -> tuple[list[Ensemble], list[Ensemble]]:
    """Levels of the same chains, or lattices of several sizes; one of them is empty.

    Raises:
        ValueError: some files of the same chains and some not; as `levels_of`.
    """
    from kadanoff.estimate import share_chains
    from kadanoff.foreign import open_foreign

    if arguments.rule is not None:
        return levels_of(arguments)[0], []
    if arguments.steps is not None:
        raise ValueError("--steps counts steps of a rule, got no --rule; give one")
    ensembles = [open_foreign(file) for file in arguments.files]
    if all(e.lineage == ensembles[0].lineage for e in ensembles):
        return ensembles, []
    for (one, e), (other, f) in itertools.combinations(
        zip(arguments.files, ensembles, strict=True), 2
    ):
        if share_chains(e.lineage, f.lineage):
            raise ValueError(
                "several files are levels of the same chains, or sizes with chains of "
                f"their own each, got {one} and {other} with some chains in common; "
                "give one or the other"
            )
    return [], ensembles


def _exact(ensemble: Ensemble) -> dict[str, float]:
    """Dimensions that are known of the model, and C_σσε of the Ising class."""
    from kadanoff.instruments.scaling_triple import COEFFICIENT

    y = universal(ensemble)
    if not y or ensemble.model == "potts":  # other Δ, which the form is not made for
        return {}
    d = ensemble.grid.dimension
    return {"spin": d - y["y_H"], "energy": d - y["y_T"], "C": COEFFICIENT}


def _tried(read: Callable[..., Part], *arguments: Any) -> Part:
    """A part of the reading, or the sentence that says why there is none."""
    try:
        return read(*arguments)
    except ValueError as problem:
        return {"problem": " ".join(str(problem).split())}


def _always(read: Callable[..., Part], *arguments: Any) -> Part:
    return read(*arguments)


def _window(one: Ensemble, operator: str, arguments: argparse.Namespace) -> Part:
    """The torus form and the bare power law against r_min."""
    from kadanoff.instruments.scaling import window
    from kadanoff.instruments.scaling_power import power_law

    starts = None if arguments.r_min is None else tuple(arguments.r_min)
    found: Part = {
        "torus": window(one, operator, form=arguments.form, r_min=starts),
        "plane": window(one, operator, form="plane", r_min=starts),
    }
    line = _tried(lambda: {"line": power_law(one, operator)})
    return found | {"line": line.get("line", line.get("problem"))}


def _triple(one: Ensemble) -> Part:
    from kadanoff.instruments.operators import lattice_of
    from kadanoff.instruments.scaling_triple import ARRANGEMENTS, three_point

    lattice_of(one)  # colours and angles are no spins
    return {name: three_point(one, name) for name in ARRANGEMENTS}


def _running(levels: Sequence[Ensemble]) -> CallanSymanzik:
    from kadanoff.instruments.scaling_levels import callan_symanzik

    return callan_symanzik(levels)


def _law_of_sizes(sizes: Sequence[Ensemble], omega: Any) -> SizeScaling:
    from kadanoff.exact.constants import DELTA_SIGMA, DIMENSION
    from kadanoff.instruments.scaling_sizes import size_scaling

    if omega == KNOWN:
        known = len(sizes) > 2 and bool(_exact(sizes[0]))
        omega = DIMENSION - 2 * DELTA_SIGMA if known else None
    return size_scaling(sizes, omega=omega)


def _as_json(found: Part, exact: dict[str, float]) -> Part:
    shown: Part = {}
    for name, part in found.items():
        if "problem" in part:
            shown[name] = part
        elif name in SYMBOLS:
            shown[name] = _json_of_window(part, exact.get(name))
        elif name == "three_point":
            shown[name] = {
                kind: vars(triple) | _beside(exact.get("C"))
                for kind, triple in part.items()
            }
        elif name == "levels":
            shown[name] = _json_of_levels(part["found"], exact.get("spin"))
        else:
            shown[name] = _json_of_sizes(part["found"], exact)
    return shown


def _beside(value: float | None) -> Part:
    return {} if value is None else {"exact": value}


def _json_of_window(part: Part, exact: float | None) -> Part:
    torus, line = part["torus"], part["line"]
    return {
        **torus.delta.as_dict(),
        **_beside(exact),
        "error_with_change": torus.error,
        "believed": torus.believed,
        "reported": torus.reported,
        "torus": [_json_of_fit(fit) for fit in torus.fits],
        "plane": [_json_of_fit(fit) for fit in part["plane"].fits],
        "power_law": {"problem": line} if isinstance(line, str) else vars(line),
    }


def _json_of_fit(fit: ScalingDimension) -> Part:
    names = ("form", "delta", "r_min", "r_max", "chi2", "dof", "p", "bias")
    return {name: getattr(fit, name) for name in (*names, "corrections")}


def _json_of_levels(found: CallanSymanzik, exact: float | None) -> Part:
    steps = zip(found.steps, found.along, found.beta, strict=False)
    return {
        "gamma": {**found.gamma.as_dict(), **_beside(exact)},
        "eta": {**found.eta.as_dict(), **_beside(exact and 2 * exact)},
        "eta_error_with_change": found.error,
        "reported": found.reported,
        "steps": [
            {
                "b": step.b,
                "gamma": step.delta,
                "gamma_of_magnetization": step.delta_magnetization,
                "plateau": step.plateau,
                "r_min": step.r_min,
                "r_max": step.r_max,
                "chi2": step.chi2,
                "dof": step.dof,
                "p": step.p,
                "delta_of_distance": along and along.delta,
                "beta": beta,
            }
            for step, along, beta in steps
        ],
    }


def _json_of_sizes(found: SizeScaling, exact: dict[str, float]) -> Part:
    laws = ("m_squared", "m_absolute", "slope")
    return {
        "delta_sigma": {**found.delta_sigma.as_dict(), **_beside(exact.get("spin"))},
        "delta_sigma_absolute": found.delta_sigma_absolute,
        "delta_epsilon": {
            **found.delta_epsilon.as_dict(),
            **_beside(exact.get("energy")),
        },
        "omega": found.omega,
        "laws": {name: vars(getattr(found, name)) for name in laws},
    }


def _as_text(found: Part, exact: dict[str, float]) -> Part:
    shown: Part = {}
    for name, part in found.items():
        if "problem" in part:
            shown[f"no {SYMBOLS.get(name, name.replace('_', '-'))}"] = part["problem"]
        elif name in SYMBOLS:
            shown |= _text_of_window(SYMBOLS[name], part, exact.get(name))
        elif name == "three_point":
            for kind, t in part.items():
                fit = f"χ²/dof = {t.chi2:.1f}/{t.dof}, p = {t.p:.2g}"
                shown[f"C_σσε {kind}"] = (
                    f"{t.coefficient}{_exactly(exact.get('C'))}   {fit}"
                )
        elif name == "levels":
            shown |= _text_of_levels(part["found"], exact.get("spin"))
        else:
            shown |= _text_of_sizes(part["found"], exact)
    return shown


def _exactly(value: float | None) -> str:
    return "" if value is None else f"   exact {value:.10g}"


def _text_of_window(symbol: str, part: Part, exact: float | None) -> Part:
    torus: Window = part["torus"]
    change = "" if math.isnan(torus.error) else f" ± {torus.error:.4f} with the change"
    doubt = "" if torus.believed else "   no window is described by the torus form"
    shown: Part = {symbol: f"{torus.delta}{change}{_exactly(exact)}{doubt}"}
    for k, (fit, bare) in enumerate(zip(torus.fits, part["plane"].fits, strict=True)):
        mark = " ←" if k == torus.reported else ""
        shown[f"{symbol} r ≥ {fit.r_min:g}{mark}"] = (
            f"{fit.delta!s:12}  χ²/dof = {fit.chi2:.1f}/{fit.dof}, p = {fit.p:.2g}   "
            f"without the torus {bare.delta}, biased by {bare.bias:+.3f}"
        )
    shown[f"{symbol} power law"] = str(part["line"])
    return shown


def _text_of_levels(found: CallanSymanzik, exact: float | None) -> Part:
    change = "" if math.isnan(found.error) else f" ± {found.error:.4f} with the change"
    shown: Part = {
        "γ": f"{found.gamma}{_exactly(exact)}",
        "η = 2γ - (d - 2)": f"{found.eta}{change}{_exactly(exact and 2 * exact)}",
    }
    for k, (step, beta) in enumerate(zip(found.steps, found.beta, strict=True)):
        mark = " ←" if k == found.reported else ""
        runs = "" if beta is None else f"   2γ - 2Δ(r) = {beta}"
        shown[f"γ step {k + 1}{mark}"] = (
            f"{step.delta!s:12}  χ²/dof = {step.chi2:.1f}/{step.dof}, p = {step.p:.2g}"
            f"   b = {step.b:.4g}, r from {step.r_min:.4g} to {step.r_max:.4g}{runs}"
        )
    return shown


def _text_of_sizes(found: SizeScaling, exact: dict[str, float]) -> Part:
    sides = ", ".join(f"{side:g}" for side in found.m_squared.side)
    form = "none" if found.omega is None else f"L^-{found.omega:g}"
    return {
        "sizes": f"{sides}, correction {form}",
        "Δ_σ by sizes, ⟨m²⟩": _text_of_law(
            found.delta_sigma, found.m_squared, exact.get("spin")
        ),
        "Δ_σ by sizes, ⟨|m|⟩": _text_of_law(
            found.delta_sigma_absolute, found.m_absolute, exact.get("spin")
        ),
        "Δ_ε by sizes": _text_of_law(
            found.delta_epsilon, found.slope, exact.get("energy")
        ),
    }


def _text_of_law(delta: Any, law: SizeLaw, exact: float | None) -> str:
    fit = "no degree of freedom is left to test the form"
    if law.dof:
        fit = f"χ²/dof = {law.chi2:.1f}/{law.dof}, p = {law.p:.2g}"
    return f"{delta}{_exactly(exact)}   {fit}"


def _draw(found: Part, exact: dict[str, float]) -> Any:
    """A panel for Δ of each operator against r_min, one for levels or for sizes."""
    from kadanoff.reports.figures import figure

    parts = {n: p for n, p in found.items() if "problem" not in p}
    parts.pop("three_point", None)
    if not parts:
        raise ValueError(
            "a picture needs dimensions, and there are none: "
            + found["spin"].get("problem", "")
        )
    fig = figure(4.4 * len(parts), 3.6, columns=len(parts))
    for ax, (name, part) in zip(fig.axes, parts.items(), strict=True):
        if name in SYMBOLS:
            _draw_window(ax, part, SYMBOLS[name])
        elif name == "levels":
            steps = part["found"].steps
            _points(ax, range(1, len(steps) + 1), [s.delta for s in steps], "", 0)
            ax.set_xticks(range(1, len(steps) + 1))
            _titles(ax, "γ over the levels", "step")
        else:
            _draw_sizes(ax, part["found"])
        level = exact.get("spin" if name == "levels" else name)
        if level is not None:
            ax.axhline(level, color="black", linestyle="--", linewidth=1)
    return fig


def _draw_window(ax: Any, part: Part, symbol: str) -> None:
    for k, (form, label) in enumerate((("torus", "torus"), ("plane", "power law"))):
        fits = part[form].fits
        _points(ax, [f.r_min for f in fits], [f.delta for f in fits], label, k)
    ax.set_xscale("log", base=2)
    ax.legend(fontsize=9, frameon=False)
    _titles(ax, f"${symbol.replace('Δ_', chr(0x394) + '_')}$", "$r_{min}$ (sites)")


def _draw_sizes(ax: Any, found: SizeScaling) -> None:
    for k, law in enumerate((found.m_squared, found.m_absolute, found.slope)):
        values = [
            law.values[n] / float(law.values.value[0]) for n in range(law.side.size)
        ]
        _points(ax, law.side, values, law.name, k)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.legend(fontsize=9, frameon=False)
    _titles(ax, "over its value of the smallest size", "L")


def _points(ax: Any, x: Any, values: Sequence[Any], label: str, colour: int) -> None:
    from kadanoff.reports.figures import PALETTE

    ax.errorbar(
        list(x),
        [float(v.value) for v in values],
        [float(v.error) for v in values],
        marker="o",
        markersize=4,
        capsize=2,
        color=PALETTE[colour],
        label=label,
    )


def _titles(ax: Any, title: str, x: str) -> None:
    ax.set_title(title, fontsize=11, loc="left")
    ax.set_xlabel(x, fontsize=10)
