"""Where flows end and what they forget: the claims of `flow_end` about flows.

Each is judged by the interval over the machines (`decided.agrees`): yes needs all of
it within the tolerance, no all of it beyond, and what is neither is not known. The
paper's own flow, means throughout, decides a claim; where another has what the paper
says, it is there partly. Samples end in the law of their chain (`ends`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import xarray as xr

from kadanoff.estimate import parenthesised
from kadanoff.experiments.demellokoch2020.along_flows import SURE
from kadanoff.experiments.demellokoch2020.decided import agrees, all_of, would_decide
from kadanoff.experiments.demellokoch2020.flow import (
    FEW,
    FLOWS,
    HIDDEN,
    MACHINES,
    STARTS,
    apart,
    interval,
    mean_over_seeds,
    written,
)
from kadanoff.experiments.demellokoch2020.flow_end.ends import (
    MOST_R_HAT,
    ended,
    near_critical,
    r_hats,
)
from kadanoff.experiments.demellokoch2020.flow_end.flows import EXACT, FROM
from kadanoff.experiments.demellokoch2020.magnet import (
    RESOLUTION,
    TOLERANCE,
    critical_point,
)
from kadanoff.experiments.exhibit import Check, Status

__all__ = [
    "PAPERS",
    "arrives",
    "arriving",
    "flow_checks",
    "forgets",
    "large_and_short",
]

PAPERS = (next(iter(MACHINES)), FLOWS[0])
"""Machine and flow of the reading of the paper that is taken: means throughout."""

OWN = "T_c"
"""The start of the paper's flows whose scales it tells apart."""

LARGE, SHORT = ("|m|", "U₄", "G(5)"), ("e", "N Var(e)", "G(√2)")


def flow_checks(dataset: xr.Dataset) -> list[Check]:
    """Where flows go, whether they forget, and which scales of their ends are critical.

    Args:
        dataset: of `flow_end`.
    """
    return [_arrives(dataset), _forgets(dataset), _scales(dataset)]


def arrives(dataset: xr.Dataset, machine: str, flow: str) -> bool | None:
    """Whether a flow ends near T_c by energy from every start; `None` if not known.

    Args:
        dataset: of this exhibit.
        machine: whose.
        flow: `means` or `samples` passed on.
    """
    end = ended(dataset, machine, flow)
    if end is None:
        return None
    return all_of(near_critical(*_known(end, "e", begin)) for begin in FROM)


def _known(end: xr.Dataset, name: str, begin: str) -> tuple[float, float]:
    """Mean over the machines where a flow ends, and half its interval."""
    here = end[[name, f"{name}_error"]].sel(start=begin)
    value, error = mean_over_seeds(here, name)
    return float(value), interval(end, SURE) * float(error)


def arriving(dataset: xr.Dataset) -> dict[tuple[str, str], bool | None]:
    """`arrives` of every trained machine and flow.

    Args:
        dataset: of `flow_end`.
    """
    return {key: arrives(dataset, *key) for key in itertools.product(MACHINES, FLOWS)}


def forgets(dataset: xr.Dataset, machine: str, flow: str) -> bool | None:
    """Whether the ends from all starts have one energy and one |m|.

    Samples do where their law is known, for it is one law.

    Args: as `arrives`. Near is what the magnet's move within `TOLERANCE` of T_c.
    """
    end = ended(dataset, machine, flow)
    if flow == "samples" or end is None:
        return None if end is None else True
    near = critical_point(dataset["at"].values, dataset["reference"].values).tolerances
    wide = interval(dataset, SURE)
    found = []
    for name, (one, other) in itertools.product(
        ("e", "|m|"), itertools.combinations(FROM, 2)
    ):
        gap, error = apart(end, name, {"start": one}, {"start": other})
        found.append(agrees(gap, wide * error, near[name]))
    return all_of(found)


def large_and_short(
    dataset: xr.Dataset, machine: str, flow: str, begin: str
) -> tuple[bool | None, bool | None]:
    """Whether one end is the critical magnet on large scales, and on short ones.

    Args:
        dataset: of this exhibit.
        machine, flow: as `arrives`.
        begin: the start.
    """
    end = ended(dataset, machine, flow)
    if end is None:
        return None, None
    point = critical_point(dataset["at"].values, dataset["reference"].values)

    def same(names: Sequence[str]) -> bool | None:
        return all_of(
            agrees(value - point.values[name], reach, point.tolerances[name])
            for name in names
            for value, reach in (_known(end, name, begin),)
        )

    return same(LARGE), same(SHORT)


def _status(papers: bool | None, others: Iterable[bool | None]) -> Status:
    """Of a claim about flows: the paper's decides, others that have it make it partly.

    Open where the paper's is not known, or where others that could have it are not.
    """
    if papers is not False:
        return Status.OPEN if papers is None else Status.REPRODUCED
    rest = list(others)
    if any(rest):
        return Status.PARTLY
    return Status.OPEN if None in rest else Status.NOT


def _open(status: Status) -> str:
    """What would decide an open claim, to end a reason with."""
    return would_decide(None if status is Status.OPEN else True)


def _told(machine: str, flow: str) -> str:
    return f"{machine}, {flow} passed on"


def _sorted_out(found: dict[tuple[str, str], bool | None]) -> str:
    """Which flows do and which are not known, in words."""
    yes = [_told(*key) for key, x in found.items() if x]
    unknown = [_told(*key) for key, x in found.items() if x is None]
    words = f"{len(yes)} of {len(found)} flows do"
    words += f" ({'; '.join(yes)})" if yes else ""
    return words + (f"; not decided: {'; '.join(unknown)}" if unknown else "")


def _arrives(dataset: xr.Dataset) -> Check:
    found = arriving(dataset)
    status = _status(found[PAPERS], (x for key, x in found.items() if key != PAPERS))
    told = "; ".join(f"{_told(*key)}: {_temperatures(dataset, *key)}" for key in found)
    control = {True: "does", False: "does not", None: "is not known to"}
    exact = control[arrives(dataset, EXACT, "samples")]
    length = int(dataset["length"][-1])
    return Check(
        claim="Whatever it starts from, the flow goes to the critical temperature.",
        paper="T_c, by a network that tells temperatures; the values are lost in the "
        "text at hand",
        ours=f"T by energy, of means at length {length} from {', '.join(FROM)}, of "
        f"samples that of the law in which their chain ends ({HIDDEN} hidden units "
        f"where not said otherwise): {told}; by the network at length {length} "
        f"{_by_network(dataset)}",
        status=status,
        reason=f"within ±{RESOLUTION:.2f} of T_c from every start: "
        f"{_sorted_out(found)}; the exactly critical machine {exact}, samples passed "
        f"on. Nearness of the energy is all that is asked here: {_observed(dataset)}. "
        f"These machines have {HIDDEN} or {FEW} units and one recipe of training; the "
        "controls of the flow ask other numbers of units, lengths of training and "
        "approximations of the gradient, and name those that end nearest"
        + _open(status),
    )


def _temperatures(dataset: xr.Dataset, machine: str, flow: str) -> str:
    """Where a flow ends, by energy: from every start, or in its law."""
    end = ended(dataset, machine, flow)
    if end is None:
        return f"not known, R̂ up to {float(r_hats(dataset, machine).max()):.2f}"
    begins = FROM if flow == "means" else FROM[:1]
    return ", ".join(_brief(end, "by_energy", start=begin) for begin in begins)


def _brief(dataset: xr.Dataset, name: str, **where: str) -> str:
    """A reading; without an error that would be in the fourth decimal."""
    value, error = (float(x.sel(where)) for x in mean_over_seeds(dataset, name))
    if error < 5e-4:
        return f"{value:.3f}"
    return written(dataset, name, **where)


def _last(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.isel(length=-1)


def _observed(dataset: xr.Dataset) -> str:
    """How many of the ends near T_c by energy are critical by all that is read."""
    near = [key for key, x in arriving(dataset).items() if x]
    full = [
        key
        for key in near
        if all_of(all_of(large_and_short(dataset, *key, b)) for b in FROM)
    ]
    if not near:
        return "none is known to arrive"
    return (
        f"of the {len(near)} flows that arrive {len(full)} end in the |m|, U₄, G, e "
        "and N Var(e) of the critical magnet"
    )


def _by_network(dataset: xr.Dataset) -> str:
    """What the network says at the end of every flow, from all starts together."""
    value = mean_over_seeds(_last(dataset), "by_network")[0]
    return "; ".join(
        f"{float(ends.min()):.2f} to {float(ends.max()):.2f} ({_told(machine, flow)})"
        for machine, flow in itertools.product(MACHINES, FLOWS)
        for ends in (value.sel(machine=machine, flow=flow),)
    )


def _forgets(dataset: xr.Dataset) -> Check:
    found = {key: forgets(dataset, *key) for key in itertools.product(MACHINES, FLOWS)}
    status = _status(found[PAPERS], (x for key, x in found.items() if key != PAPERS))
    maps = {key: x for key, x in found.items() if key[1] == "means"}
    point = critical_point(dataset["at"].values, dataset["reference"].values)
    gaps = (
        f"{_told(*key)}: {_largest_gap(dataset, key[0], 'e')}, "
        + _largest_gap(dataset, key[0], "|m|")
        for key in maps
    )
    return Check(
        claim="The end of the flow does not depend on its start.",
        paper="any initial snapshot flows there",
        ours="largest difference between ends of e and of |m|: " + "; ".join(gaps),
        status=status,
        reason="ends that differ by less than the magnet changes within "
        f"±{TOLERANCE:g} of T_c (e by {point.tolerances['e']:.3f}, |m| by "
        f"{point.tolerances['|m|']:.3f}): of maps of means {_sorted_out(maps)}. "
        f"{_chains(dataset, found)}" + _open(status),
    )


def _chains(dataset: xr.Dataset, found: dict[tuple[str, str], bool | None]) -> str:
    """What is known of the chains, which forget by their nature."""
    chains = {key: x for key, x in found.items() if key[1] == "samples"}
    worst = max(float(r_hats(dataset, machine).max()) for machine, _ in chains)
    known = sum(x is True for x in chains.values())
    return (
        "Where samples are passed on the flow is a Gibbs chain, whose end cannot "
        "depend on its start: chains started hot and cold agree (R̂ of e and |m| at "
        f"most {MOST_R_HAT:g}) for {known} of {len(chains)} kinds of machine, the "
        f"largest R̂ is {worst:.3f}"
    )


def _largest_gap(dataset: xr.Dataset, machine: str, name: str) -> str:
    """Between the ends of means from two starts, with its error."""
    end = _last(dataset).sel(machine=machine, flow="means")
    gaps = (
        apart(end, name, {"start": one}, {"start": other})
        for one, other in itertools.combinations(FROM, 2)
    )
    gap, error = max(gaps, key=lambda pair: abs(pair[0]))
    return parenthesised(abs(gap), error)


def _scales(dataset: xr.Dataset) -> Check:
    found = {
        (*key, begin): large_and_short(dataset, *key, begin)
        for key in itertools.product(MACHINES, FLOWS)
        for begin in FROM
    }
    so = {key[:2]: _large_only(*x) for key, x in found.items() if key[2] == OWN}
    status = _status(so[PAPERS], (x for key, x in so.items() if key != PAPERS))
    exact = large_and_short(dataset, EXACT, "samples", OWN)[0]
    if exact is False:
        # Where what is critical does not pass, nothing is said of what does not.
        status = Status.OPEN
    here = {key[:2]: x for key, x in found.items() if key[2] == OWN}
    large = [key for key, (x, _) in here.items() if x]
    both = [key for key, pair in here.items() if pair == (True, True)]
    unknown = sum(x is None for x in so.values())
    control = {True: "is", False: "is not", None: "is not known to be"}[exact]
    return Check(
        claim="On large scales the end of a flow from T_c is the critical magnet, on "
        "short ones it is not.",
        paper="on large scales the critical configurations are correctly reproduced, "
        "on smaller scales there are definite departures",
        ours=_readings(dataset),
        status=status,
        reason=f"from {OWN}, |m|, U₄ and G(5) are those of the critical magnet at the "
        f"ends of {len(large)} of {len(here)} flows"
        + (f" ({'; '.join(_told(*key) for key in large)})" if large else "")
        + f", e, N Var(e) and G(√2) too of {len(both)}; {unknown} not decided. The "
        f"exactly critical machine, samples passed on, {control} so on large scales. "
        f"{_beside(found)}. {_told(*PAPERS).capitalize()}: {_moved(dataset)}"
        + _open(status),
    )


def _beside(
    found: dict[tuple[str, str, str], tuple[bool | None, bool | None]],
) -> str:
    """On which scales the paper's own flow is critical from the other starts."""
    word = {True: "is", False: "is not", None: "may be"}
    told = (
        f"from {begin} it {word[large]} on large scales and {word[short]} on short ones"
        for (*key, begin), (large, short) in found.items()
        if tuple(key) == PAPERS and begin != OWN
    )
    return (
        f"Whether the end of {_told(*PAPERS)}, is critical from other starts: "
        + "; ".join(told)
    )


def _moved(dataset: xr.Dataset) -> str:
    """How far the paper's own flow moves |m| at all."""
    machine, flow = PAPERS
    m = dataset["|m|"].sel(machine=machine, flow=flow, start=list(STARTS)).mean("seed")
    first, last = m.isel(length=0), m.isel(length=-1)
    return (
        f"|m| moves by at most {float(abs(last - first).max()):.2f} along the flow, "
        f"and its starts are {float(first.max() - first.min()):.2f} apart"
    )


def _large_only(large: bool | None, short: bool | None) -> bool | None:
    """Whether the critical magnet is there on large scales and not on short ones."""
    return all_of((large, None if short is None else not short))


def _readings(dataset: xr.Dataset) -> str:
    """The paper's own flow from each start, beside the critical magnet."""
    point = critical_point(dataset["at"].values, dataset["reference"].values)
    machine, flow = PAPERS
    names = (*LARGE, *SHORT)
    rows = [
        f"from {begin} "
        + ", ".join(
            f"{name} "
            + _brief(_last(dataset), name, machine=machine, flow=flow, start=begin)
            for name in names
        )
        for begin in STARTS
    ]
    exact = ", ".join(f"{name} {point.values[name]:.3f}" for name in names)
    return f"{_told(machine, flow)}: {'; '.join(rows)}; the critical magnet: {exact}"
