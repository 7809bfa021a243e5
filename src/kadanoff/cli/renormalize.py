"""`kadanoff renormalize`: critical points, flows and Hamiltonians of a rule.

Each search draws its own samples: a model, its lattice, a rule and what to find.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, add_seed, emit
from kadanoff.cli.exponents import critical_coupling
from kadanoff.cli.laws import add_model, model_of_arguments
from kadanoff.cli.measure import add_plot, picture
from kadanoff.cli.rules import RULE_HELP

if TYPE_CHECKING:
    from kadanoff.procedures.beta_function import FlowLine, StepScaling
    from kadanoff.procedures.critical_point import CriticalPoint, Matching
    from kadanoff.procedures.drawing import Draws
    from kadanoff.procedures.variational_mcrg import BiasedDraws, Renormalized

__all__ = ["TANGENT", "add"]

MODELS = ("ising", "potts", "xy", "phi4")
TANGENT = {"nn": 1.0, "nnn": math.sqrt(2)}
"""Normal of the critical manifold at K_c of the square lattice, 1 in `nn`. By
universality ratios of it are those of the singular parts of the correlators of a bond:
that of a diagonal one, (2/π) E(1/sinh² 2K), and that of a nearest one, -Onsager's
energy over 2, have d/dK = -c ln|K - K_c| with c in the ratio √2."""

MATCHING = ("method", "chains", "runs")
BIASED = ("odd", "replicas")
OPTIONS: dict[str, tuple[str, ...]] = {
    "critical-point": ("start", "rounds", *MATCHING),
    "beta-function": ("couplings", "reading", "degree", *MATCHING),
    "flow-lines": ("couplings", *MATCHING),
    "couplings": ("coupling", "rounds", *BIASED),
    "tangent": ("coupling", "rounds", *BIASED),
    "fixed-point": ("start", "rounds", *BIASED),
    "window": ("couplings", "replicas"),
}
"""What can be found, and the options that only some of them take."""
DEFAULT_STEPS = {"critical-point": 2, "flow-lines": 3, "tangent": 2, "window": 2}
DRAWS = {"matching": 10_000, "biased": 12_800}
REPLICAS = 32
FLOWING = ("nn", "nnn")
"""Couplings of flow lines where none are named."""


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "renormalize", help="critical point, flow or Hamiltonian of a rule on a model"
    )
    add_model(parser, MODELS)
    parser.add_argument(
        "--rule",
        action="append",
        required=True,
        metavar="RULE",
        help=f"{RULE_HELP}; repeat it for a stack",
    )
    parser.add_argument(
        "--find",
        choices=OPTIONS,
        required=True,
        help="K_c by two lattices; K′(K) and its fixed point; couplings over levels; "
        "couplings of the blocks, the normal of the critical manifold, a Hamiltonian "
        "that stays, and K_c by where the flow parts (the last four for majority)",
    )
    parser.add_argument("--steps", type=int, help="of the rule (by what is found)")
    parser.add_argument(
        "--operators",
        nargs="+",
        metavar="NAME",
        help="terms of the Hamiltonian, or what is compared (nn nnn plaquette)",
    )
    parser.add_argument(
        "--coupling", type=float, help="K of the couplings and the tangent (K_c)"
    )
    parser.add_argument(
        "--couplings",
        type=several,
        metavar="START:STOP:COUNT",
        help="K of the β function, the flow lines or the window, both ends",
    )
    parser.add_argument(
        "--start",
        type=float,
        nargs="+",
        metavar="K",
        help="where a search begins: K of the critical point, or one K for every "
        "operator of the fixed point",
    )
    parser.add_argument(
        "--reading",
        choices=("matching", "likelihood"),
        help="of K′: two lattices that match, or a fit to the blocks (matching)",
    )
    parser.add_argument(
        "--degree", type=int, help="of the polynomial through K′(K) (2)"
    )
    parser.add_argument(
        "--odd", nargs="+", metavar="NAME", help="odd operators, for y_H (field corner)"
    )
    parser.add_argument(
        "--draws",
        type=int,
        help="recorded configurations of each ensemble (10000, or 12800 with a bias)",
    )
    parser.add_argument("--chains", type=int, help="independent chains (by table)")
    parser.add_argument("--replicas", type=int, help="the same with a bias (32)")
    parser.add_argument("--method", help="auto or a sampler's name (auto)")
    parser.add_argument("--rounds", type=int, help="the most rounds of a search")
    parser.add_argument(
        "--runs",
        type=Path,
        help="root of run directories, where ensembles are kept and found again (none)",
    )
    add_plot(parser, "of K′(K), or of flow lines of two couplings")
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def several(text: str) -> list[float]:
    """`0.42:0.46:5` → 5 couplings that increase, both ends included."""
    import numpy as np

    parts = text.split(":")
    try:
        start, stop, count = float(parts[0]), float(parts[1]), int(parts[2])
        good = len(parts) == 3 and math.isfinite(start + stop)
    except (ValueError, IndexError):
        good, start, stop, count = False, 0.0, 0.0, 0
    if not good or not start < stop or not 2 <= count <= 1000:
        raise argparse.ArgumentTypeError(
            "couplings are START:STOP:COUNT such as 0.42:0.46:5, increasing and 2 to "
            f"1000 of them, got {text!r}"
        )
    return [round(k, 12) for k in np.linspace(start, stop, count).tolist()]


def run(arguments: argparse.Namespace) -> None:
    """Search, and print what was found beside what is exact."""
    plot = arguments.plot and picture(arguments.plot)
    _check_options(arguments)
    model, rule = model_of_arguments(arguments), _rule(arguments.rule)
    find: Callable[..., tuple[dict[str, Any], Any]] = {
        "critical-point": _critical_point,
        "beta-function": _beta_function,
        "flow-lines": _flow_lines,
        "couplings": _couplings,
        "tangent": _tangent,
        "fixed-point": _fixed_point,
        "window": _window,
    }[arguments.find]
    if arguments.find in ("beta-function", "flow-lines"):
        _check_spins(model, rule)
    result = {"model": model.name, "lattice": list(model.shape), "rule": str(rule)}
    try:
        found, drawn = find(model, rule, arguments)
    except KeyboardInterrupt as stop:
        if arguments.runs is not None:
            raise
        raise KeyboardInterrupt("nothing is kept, begin again") from stop
    result |= found
    if plot:
        from kadanoff.reports.figures import save_figure

        save_figure(drawn(), plot)
        result["plot"] = plot
    emit(result, as_json=arguments.json)


def _check_options(arguments: argparse.Namespace) -> None:
    """Refuse what the search does not take, and ask for what it cannot do without."""
    find, taken = arguments.find, OPTIONS[arguments.find]
    others = {name for names in OPTIONS.values() for name in names} - set(taken)
    given = sorted(name for name in others if getattr(arguments, name) is not None)
    if given:
        raise ValueError(
            f"--{', --'.join(given)} does not apply to --find {find}; leave it out"
        )
    if arguments.plot and find not in ("beta-function", "flow-lines"):
        raise ValueError(
            f"--plot draws a beta-function or flow-lines, got --find {find}; leave "
            "it out"
        )
    if "couplings" in taken and arguments.couplings is None:
        raise ValueError(
            f"--find {find} needs --couplings, got none; give START:STOP:COUNT around "
            "the critical coupling"
        )
    if (
        arguments.plot
        and find == "flow-lines"
        and len(arguments.operators or FLOWING) < 2
    ):
        raise ValueError(
            "a picture of flow lines needs two couplings, got "
            f"{' '.join(arguments.operators)} alone; name a second one in --operators"
        )
    if not set(BIASED).isdisjoint(taken) and arguments.model != "ising":
        raise ValueError(
            f"--find {find} needs spins with a Hamiltonian of products, the ising "
            f"model, got {arguments.model}"
        )
    for name in ("draws", "rounds", "replicas", "chains"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name} is at least 1, got {value}")


def _check_spins(model: Any, rule: Any) -> None:
    """Refuse before anything is drawn what has no couplings to be fitted."""
    alphabet = rule.alphabet(model.alphabet)
    if alphabet != "pm1":
        raise ValueError(
            f"couplings are those of ±1 blocks, and {rule} makes values of alphabet "
            f"'{alphabet}' of the {model.name} model; use majority on the ising model"
        )


def _rule(texts: Sequence[str]) -> Any:
    from kadanoff.coarse.grammar import ARRANGE, parse_rule
    from kadanoff.coarse.stack import Stack

    rules = [parse_rule(text) for text in texts]
    if ARRANGE in rules:
        raise ValueError(
            "'arrange' is fitted to one ensemble and these searches draw several; use "
            "a rule that knows its lattice"
        )
    return rules[0] if len(rules) == 1 else Stack(tuple(rules))  # type: ignore[arg-type]


def _draws(arguments: argparse.Namespace) -> Draws:
    from kadanoff.procedures.drawing import Draws

    return Draws(
        draws=arguments.draws or DRAWS["matching"],
        method=arguments.method or "auto",
        chains=arguments.chains,
        runs=arguments.runs,
    )


def _biased(arguments: argparse.Namespace) -> BiasedDraws:
    from kadanoff.procedures.variational_mcrg import BiasedDraws

    replicas = arguments.replicas or REPLICAS
    total = arguments.draws or DRAWS["biased"]
    rounds = {"rounds": arguments.rounds} if arguments.rounds else {}
    if arguments.find == "fixed-point":  # its rounds are those of the outer search
        rounds = {}
    return BiasedDraws(draws=math.ceil(total / replicas), replicas=replicas, **rounds)


def _common(arguments: argparse.Namespace) -> dict[str, Any]:
    """What all searches take under the same names; only what was given."""
    given = {"operators": arguments.operators, "steps": _steps(arguments)}
    if arguments.find == "fixed-point":
        del given["steps"]
        if arguments.steps is not None:
            raise ValueError(
                "a Hamiltonian that stays is one of a single step, so --steps does "
                "not apply; leave it out, or repeat --rule"
            )
    rest = {name: value for name, value in given.items() if value is not None}
    return rest | {"seed": arguments.seed}


def _steps(arguments: argparse.Namespace) -> int | None:
    if arguments.steps is not None:
        return arguments.steps
    return DEFAULT_STEPS.get(arguments.find)


def _say(text: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _named(operators: Sequence[str], values: Any) -> str:
    pairs = zip(operators, values, strict=True)
    return "  ".join(f"{name} {value}" for name, value in pairs)


def _with_exact(value: Any, exact: float | None, as_json: bool) -> Any:
    if as_json:
        return {**value.as_dict(), **({} if exact is None else {"exact": exact})}
    return f"{value}" + ("" if exact is None else f"   exact {exact:.10g}")


def _critical_point(model: Any, rule: Any, arguments: argparse.Namespace) -> Any:
    from kadanoff.procedures.critical_point import critical_point

    if arguments.start is None or len(arguments.start) != 1:
        raise ValueError(
            "--find critical-point begins at one K, got "
            f"{'none' if arguments.start is None else len(arguments.start)}; give "
            "--start K, of the order of the critical coupling"
        )
    rounds = {} if arguments.rounds is None else {"rounds": arguments.rounds}

    def progress(matching: Matching) -> None:
        _say(
            f"at K = {matching.coupling:.6g} the lattices match at "
            f"{matching.critical[-1]}"
        )

    found = critical_point(
        model,
        rule,
        start=arguments.start[0],
        drawing=_draws(arguments),
        progress=progress,
        **rounds,
        **_common(arguments),
    )
    return _of_matching(found, critical_coupling(model), arguments.json), None


def _of_matching(
    found: CriticalPoint, exact: float | None, as_json: bool
) -> dict[str, Any]:
    last = found.trail[-1]
    critical = _with_exact(found.coupling, exact, as_json)
    if as_json:
        names = ("coupling", "shapes", "operators", "differences", "slopes")
        names = (*names, "crossings", "critical", "spread")
        trail = [{name: getattr(m, name) for name in names} for m in found.trail]
        whole = {"error_with_change": found.error, "change": found.change}
        return {"K_c": critical, **whole, "trail": trail}
    shown = {
        "K_c": critical,
        "error with the change": f"{found.error:.2g}",
        "rounds": len(found.trail),
    }
    for m, shape in enumerate(last.shapes):
        side = "×".join(map(str, shape))
        cells = _named(last.operators, [last.crossings[m, n] for n in _range(last)])
        shown[f"K_c step {m}, {side}"] = f"{last.critical[m]}   {cells}"
    return shown


def _range(found: Any) -> range:
    return range(len(found.operators))


def _beta_function(model: Any, rule: Any, arguments: argparse.Namespace) -> Any:
    from kadanoff.procedures.beta_function import fitted_step, matched_step

    common: dict[str, Any] = {**_common(arguments), "drawing": _draws(arguments)}
    exact: dict[str, float] = {}
    if arguments.reading == "likelihood":
        if arguments.steps is not None:
            raise ValueError(
                "a fit to the blocks is one of a single step, so --steps does not "
                "apply; leave it out, or repeat --rule"
            )
        found = fitted_step(model, rule, arguments.couplings, **common)
    else:
        found = matched_step(
            model,
            rule,
            arguments.couplings,
            progress=lambda k, there: _say(f"K = {k:.6g} goes to {there}"),
            **common,
        )
        exact = _exact_flow(model)
    fixed = _crossing(found, 2 if arguments.degree is None else arguments.degree)
    shown = _of_flow(found, fixed, exact, arguments.json)
    return shown, lambda: _draw_flow(found, fixed, exact)


def _exact_flow(model: Any) -> dict[str, float]:
    """K_c and y_T, where the fixed point of a matching is the critical point."""
    critical = critical_coupling(model)
    y_t = _exponents(model).get("y_T")
    found = {"K_c": critical, "y_T": y_t}
    return {name: value for name, value in found.items() if value is not None}


def _exponents(model: Any) -> dict[str, float]:
    """y_T and y_H of the Ising class, of a plain model in two dimensions."""
    from kadanoff.exact.constants import Y_H, Y_T

    plain = model.name == "ising" and not model.field and model.second >= 0
    return {"y_T": Y_T, "y_H": Y_H} if plain and len(model.shape) == 2 else {}


def _crossing(found: StepScaling, degree: int) -> Any:
    """The unstable fixed point, or the sentence that says why there is none."""
    try:
        return found.crossing(degree)
    except ValueError as problem:
        return str(problem)


def _of_flow(
    found: StepScaling, fixed: Any, exact: dict[str, float], as_json: bool
) -> dict[str, Any]:
    shown: dict[str, Any] = {"b": found.b}
    if isinstance(fixed, str):
        shown["no_fixed_point" if as_json else "no fixed point"] = fixed
    else:
        shown["fixed_point" if as_json else "K*"] = _with_exact(
            fixed.coupling, exact.get("K_c"), as_json
        )
        shown["y_T"] = _with_exact(fixed.y_t, exact.get("y_T"), as_json)
        if fixed.y_t_by_response is not None:
            shown["y_T_by_response" if as_json else "y_T by response"] = _with_exact(
                fixed.y_t_by_response, exact.get("y_T"), as_json
            )
        more = {"chi2": fixed.chi2, "dof": fixed.dof, "p": fixed.p}
        fit = f"χ²/dof = {fixed.chi2:.1f}/{fixed.dof}, p = {fixed.p:.2g}"
        shown |= more | {"slope": fixed.slope} if as_json else {"polynomial": fit}
    if as_json:
        return shown | {
            "couplings": found.couplings,
            "renormalized": found.renormalized,
            "slopes": found.slopes,
            "beta": found.beta,
        }
    for n, k in enumerate(found.couplings):
        slope = "" if found.slopes is None else f"   slope {found.slopes[n]}"
        shown[f"K = {k:.6g}"] = (
            f"K′ = {found.renormalized[n]}   β = {found.beta[n]}{slope}"
        )
    return shown


def _draw_flow(found: StepScaling, fixed: Any, exact: dict[str, float]) -> Any:
    """β(K): where it crosses zero from below the flow parts."""
    from kadanoff.reports.figures import PALETTE, figure

    fig = figure(5.6, 4.0)
    (ax,) = fig.axes
    beta = found.beta
    ax.axhline(0, color="black", linewidth=1)
    ax.errorbar(
        found.couplings,
        beta.value,
        beta.error,
        marker="o",
        markersize=4,
        capsize=2,
        color=PALETTE[0],
    )
    if not isinstance(fixed, str):
        ax.axvline(float(fixed.coupling.value), color=PALETTE[2], linewidth=1.2)
    if "K_c" in exact:
        ax.axvline(exact["K_c"], color="black", linestyle="--", linewidth=1)
    ax.set_xlabel("K", fontsize=11)
    ax.set_title("β = (K′ - K)/ln b", fontsize=11, loc="left")
    return fig


def _flow_lines(model: Any, rule: Any, arguments: argparse.Namespace) -> Any:
    from kadanoff.procedures.beta_function import flow_lines

    common: dict[str, Any] = {"operators": FLOWING, **_common(arguments)}
    lines = flow_lines(
        model, rule, arguments.couplings, drawing=_draws(arguments), **common
    )
    if arguments.json:
        return {"lines": [vars(line) for line in lines]}, lambda: _draw_lines(lines)
    shown: dict[str, Any] = {}
    for line in lines:
        for level, shape in enumerate(line.shapes):
            side = "×".join(map(str, shape))
            values = [line.couplings[level, n] for n in _range(line)]
            shown[f"K = {line.coupling:.6g}, {side}"] = _named(line.operators, values)
    return shown, lambda: _draw_lines(lines)


def _draw_lines(lines: Sequence[FlowLine]) -> Any:
    """The plane of the first two couplings, an arrow along every line."""
    from kadanoff.reports.figures import PALETTE, figure

    fig = figure(5.6, 4.6)
    (ax,) = fig.axes
    for k, line in enumerate(lines):
        x, y = line.couplings.value[:, 0], line.couplings.value[:, 1]
        colour = PALETTE[k % len(PALETTE)]
        name = f"K = {line.coupling:.4g}"
        ax.plot(x, y, marker="o", markersize=4, color=colour, linewidth=1.2, label=name)
        ax.annotate("", (x[-1], y[-1]), (x[-2], y[-2]), arrowprops={"arrowstyle": "->"})
    ax.legend(fontsize=9, frameon=False)
    ax.set_xlabel(f"K {lines[0].operators[0]}", fontsize=11)
    ax.set_ylabel(f"K {lines[0].operators[1]}", fontsize=11)
    return fig


def _renormalized(model: Any, rule: Any, arguments: argparse.Namespace) -> Any:
    """The Hamiltonian of the blocks of a model at one coupling."""
    from kadanoff.instruments.clusters import spins_of
    from kadanoff.procedures.block_bias import Hamiltonian
    from kadanoff.procedures.variational_mcrg import EVEN, ODD, renormalize

    coupling = arguments.coupling
    if coupling is None:
        coupling = critical_coupling(model)
    if coupling is None:
        raise ValueError(
            f"--find {arguments.find} needs --coupling where no critical one is known, "
            "got none; give K"
        )
    hamiltonian = Hamiltonian.of(model, coupling)
    operators = tuple(arguments.operators or EVEN)
    odd = arguments.odd
    if odd is None:
        even = hamiltonian.is_even and all(spins_of(n) % 2 == 0 for n in operators)
        odd = ODD if even and len(model.shape) > 1 else ()
    common: dict[str, Any] = {**_common(arguments), "operators": operators}
    found = renormalize(
        hamiltonian,
        rule,
        odd=tuple(odd),
        drawing=_biased(arguments),
        progress=lambda j: _say(
            f"K′ near {_named(operators, [f'{x:.5f}' for x in j])}"
        ),
        **common,
    )
    return found, coupling


def _couplings(model: Any, rule: Any, arguments: argparse.Namespace) -> Any:
    found, coupling = _renormalized(model, rule, arguments)
    result = {"coupling": coupling, "levels": list(found.shapes)}
    if arguments.json:
        pairs = zip(found.operators, _each(found.couplings), strict=True)
        result |= {"couplings": dict(pairs), **_derivatives(found)}
    else:
        result["levels"] = _levels(found)
        for n, name in enumerate(found.operators):
            bare = found.hamiltonian.couplings.get(name, 0.0)
            result[f"K′ {name}"] = f"{found.couplings[n]}   before {bare:.8g}"
    exact = _exponents(model) if _is_critical(model, coupling) else {}
    return result | _both_exponents(found, exact, arguments.json), None


def _is_critical(model: Any, coupling: float) -> bool:
    known = critical_coupling(model)
    return known is not None and abs(coupling / known - 1) < 1e-3


def _each(values: Any) -> list[Any]:
    return [values[n] for n in range(values.value.size)]


def _levels(found: Renormalized) -> str:
    return " → ".join("×".join(map(str, shape)) for shape in found.shapes)


def _derivatives(found: Renormalized) -> dict[str, Any]:
    names = ("operators", "odd", "gradient", "hessian", "step", "odd_step", "bare")
    return {name: getattr(found, name) for name in (*names, "scale", "tau")}


def _both_exponents(
    found: Renormalized, exact: dict[str, float], as_json: bool
) -> dict[str, Any]:
    shown = {"y_T": _with_exact(found.y_t, exact.get("y_T"), as_json)}
    if found.odd:
        shown["y_H"] = _with_exact(found.y_h, exact.get("y_H"), as_json)
    cut = (
        f"exponents of a Hamiltonian cut to {len(found.operators)} operators depend on "
        "which; compare several sets"
    )
    return {**shown, "remark": cut}


def _tangent(model: Any, rule: Any, arguments: argparse.Namespace) -> Any:
    found, coupling = _renormalized(model, rule, arguments)
    plain = model.lattice == "square" and not model.field and not model.second
    known = TANGENT if plain and _is_critical(model, coupling) else {}
    normal = {
        name: _with_exact(value, known.get(name), arguments.json)
        for name, value in zip(found.operators, _each(found.normal), strict=True)
    }
    if arguments.json:
        return {
            "coupling": coupling,
            "levels": list(found.shapes),
            "normal": normal,
            **_derivatives(found),
        }, None
    shown = {"coupling": coupling, "levels": _levels(found)}
    shown |= {f"normal {name}": text for name, text in normal.items()}
    return shown | {f"normal {found.operators[0]}": "1, by definition"}, None


def _fixed_point(model: Any, rule: Any, arguments: argparse.Namespace) -> Any:
    from kadanoff.procedures.variational_mcrg import EVEN, ODD, fixed_hamiltonian

    if model.field or model.second:
        raise ValueError(
            "--find fixed-point begins at --start, one K for each operator, and "
            "--field or --second do not apply; leave them out"
        )
    operators = tuple(arguments.operators or EVEN)
    if arguments.start is None or len(arguments.start) != len(operators):
        raise ValueError(
            f"--find fixed-point begins at one K for each of {' '.join(operators)}, "
            f"got {0 if arguments.start is None else len(arguments.start)}; give them "
            "with --start, in that order"
        )
    rounds = {} if arguments.rounds is None else {"rounds": arguments.rounds}
    common: dict[str, Any] = {**_common(arguments), "operators": operators}
    found = fixed_hamiltonian(
        model.shape,
        rule,
        start=arguments.start,
        odd=tuple(ODD if arguments.odd is None else arguments.odd),
        drawing=_biased(arguments),
        progress=lambda r: _say(f"K′ = {_named(r.operators, _each(r.couplings))}"),
        **rounds,
        **common,
    )
    last = found.renormalized
    fixed = dict(zip(operators, _each(found.couplings), strict=True))
    result: dict[str, Any] = {"rounds": found.rounds}
    if arguments.json:
        result |= {"couplings": fixed} | _derivatives(last)
    else:
        result |= {"levels": _levels(last)}
        result |= {f"K* {name}": str(value) for name, value in fixed.items()}
    exact = _exponents(model)
    return result | _both_exponents(last, exact, arguments.json), None


def _window(model: Any, rule: Any, arguments: argparse.Namespace) -> Any:
    from kadanoff.procedures.variational_mcrg import critical_window

    found = critical_window(
        model,
        rule,
        arguments.couplings,
        drawing=_biased(arguments),
        progress=lambda d: _say(f"at K = {d.coupling:.6g} the flow moves by {d.along}"),
        **_common(arguments),
    )
    critical = _with_exact(found.critical, critical_coupling(model), arguments.json)
    result: dict[str, Any] = {"K_c": critical, "low": found.low, "high": found.high}
    if arguments.json:
        names = ("coupling", "along", "slope", "critical")
        rows = [{name: getattr(d, name) for name in names} for d in found.drifts]
        return result | {"drifts": rows}, None
    for d in found.drifts:
        result[f"drift at {d.coupling:.6g}"] = f"{d.along}   K_c = {d.critical}"
    return result, None
