"""Inference undoes generation step by step, and no layer of it loses anything.

The slides: data are made by a Markov chain y₀ → y₁ → … → y_n; the minimal sufficient
statistics of the y_i given y_n obey T_i = f_i(T_{i+1}), so that a deep network can
undo, layer by layer, what the world did (figure 3: the sky, and cat or dog). Computed
here without noise on three hierarchies,

    a tree of spins      each vertex hands noisy copies to b children
    a tree of Gaussians  the same with numbers, all of it linear
    a sky                parameters → spectrum → modes → pixels → pixels with noise

where the composed layers must be Bayes' theorem, and information about y₀ must fall on
the way down and stay on the way up; processing other than T may only lose (data
processing). The slides say that nearly sufficient statistics are often at hand: votes,
decisions and messages of few values are measured. Networks of the shape of the tree
compete with the same shape on leaves in another order and with a flat one of as many
parameters. How far down a root is known at all is the threshold b θ² = 1 of H. Kesten
and B. P. Stigum, Ann. Math. Stat. 37, 1463 (1966).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown
from kadanoff.experiments.pieces import Piece, readings
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.expressivity import gaussian_hierarchy as gaussian
from kadanoff.expressivity.hierarchy import (
    BroadcastTree,
    compare_networks,
    information_bounds,
    information_profile,
    kesten_stigum,
    root_posterior,
    symmetric_tree,
)
from kadanoff.networks.products import one_thread
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "SKY",
    "Settings",
    "bayes_of_tree",
    "exact",
    "lossless",
]

ROUNDING = 1e-10
"""Of posteriors and likelihoods: sums over up to 48 pixels."""
NEARLY = 0.99
"""Share of the information that a nearly sufficient statistic keeps."""
SIGMAS = 4.0
TIGHT = 1.05
"""Ratio of two bounds that are read as one number; below it they are none."""
SETTLED = 0.05
"""Of the decay per generation a tenth away from the threshold: 0.03 after 20."""
KINDS = ("tree", "shuffled", "flat")
LEVELS = ("parameter", "spectrum", "modes", "pixels", "data")
STATISTICS = ("generation", "exact", "majority", "decision")
SKY = gaussian.Sky(
    48,
    (1, 3, 8, 17),
    gaussian.power_laws([1.0, 2.0, 4.0], [0.0, 1.0, 2.0], [1.5, 5.0, 12.0]),
    noise=0.5,
)
"""Nine parameter sets, three amplitudes and three tilts, on a ring of 48 pixels.

Bands of wave numbers 1-2, 3-7 and 8-16, each about twice as wide as the one before, so
that tilts are seen in three powers; the least ring with a multiple of 16 pixels that
has wave number 16 twice, as a cosine and a sine; noise that takes some of the bits.
"""


@dataclass(frozen=True)
class Settings:
    """What is inferred.

    Attributes:
        seeds: of networks: examples, first weights, batches.
        steps: of Adam.
        examples: labelled.
        depths: of the trees at the threshold.
        rates: b θ² of two children each.
        draws: skies of the sampled information.
        resolution: bins of the bounds at the threshold; they close with its square.
        bins: of messages with few values; each is cut twice, so that the values are
            counted and not given.
        levels: depth of the tree whose levels are followed, of two children.
        correlation: θ there.
    """

    seeds: int
    steps: int
    examples: int
    depths: tuple[int, ...]
    rates: tuple[float, ...]
    draws: int
    resolution: int = 40
    bins: tuple[int, ...] = (2, 3, 4, 6, 10, 20)
    levels: int = 5
    correlation: float = 0.8


FAST = Settings(
    seeds=3,
    steps=150,
    examples=4000,
    depths=(5, 10, 20),
    rates=(0.7, 0.9, 1.0, 1.1, 1.3),
    draws=1000,
)
FULL = Settings(
    seeds=10,
    steps=600,
    examples=10_000,
    depths=(5, 10, 20, 40),
    rates=(0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5),
    draws=20_000,
    resolution=100,
)


def bayes_of_tree(tree: BroadcastTree) -> tuple[np.ndarray, np.ndarray]:
    """All leaves `(configuration, leaf)` and p(y₀ | leaves) by listing every history.

    No message is passed: p of all vertices is multiplied out and summed.

    Raises:
        ValueError: more than 2²⁰ histories.
    """
    vertices = sum(tree.branching**i for i in range(tree.depth + 1))
    if tree.q**vertices > 2**20:
        raise ValueError(
            f"at most 2^20 histories are listed, got {tree.q}^{vertices}; take a "
            "shallower tree"
        )
    state = np.indices((tree.q,) * vertices).reshape(vertices, -1)
    p = tree.prior[state[0]]
    for v in range(1, vertices):
        p = p * tree.channel[state[(v - 1) // tree.branching], state[v]]
    leaves = state[vertices - tree.leaves :]
    number = np.ravel_multi_index(tuple(leaves), (tree.q,) * tree.leaves)
    size = tree.q**tree.leaves
    joint = np.stack(
        [
            np.bincount(number, weights=p * (state[0] == a), minlength=size)
            for a in range(tree.q)
        ],
        axis=1,
    )
    every = np.indices((tree.q,) * tree.leaves).reshape(tree.leaves, -1).T
    return every, joint / joint.sum(axis=1, keepdims=True)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Bayes three times, information level by level, networks, and the threshold."""
    tell = work.progress("hierarchies")
    parts: list[xr.Dataset] = []
    steps = (_exactness, _profiles, _sky, _networks, _threshold)
    with one_thread():
        for number, step in enumerate(steps):
            tell(number, len(steps))
            parts.append(step(settings, work))
    tell(len(steps), len(steps))
    return xr.merge(parts).assign_attrs(attributes_of(settings))


def draw(dataset: xr.Dataset) -> list[Section]:
    """Information down and up, networks, and the threshold."""
    lost = dataset["sky"].values
    rows = [
        [a, b, f"{before - after:.4f}"]
        for (a, before), (b, after) in itertools.pairwise(
            zip(LEVELS, lost, strict=True)
        )
    ]
    return [
        Section(
            "Down and up again",
            "What is known of the root, level by level. Generation (grey) destroys; "
            "the exact layers (blue) carry all that the leaves know back to the root; "
            "votes and decisions lose on the way and never gain. Right: the same of "
            "the parameters of a sky, and a share kept by messages of few values.",
            data_uri(_down_and_up(dataset)),
            tables=[Table(("from", "to", "bits lost"), rows)],
        ),
        Section(
            "The shape of the network, and how far down a root is seen",
            "Left: cross-entropy above the Bayes floor, exact over all leaves, of "
            "networks with the shape of the tree, of the same shape on shuffled "
            "leaves, and flat; a dot is a seed, bars are one standard error. Right: "
            "what leaves know of the root against b θ², where every vertex has b = 2 "
            "children and θ is their correlation with it: bounds from both sides "
            "(thinner than the line where not seen); dashed is the Gaussian tree of "
            "the largest depth.",
            data_uri(_shape_and_threshold(dataset)),
        ),
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """Exactness, information, nearly sufficient statistics, shapes, threshold."""
    return [
        _bayes(dataset),
        _sufficient(dataset),
        _processing(dataset),
        _the_sky(dataset),
        _nearly(dataset),
        _shape(dataset),
        _stigum(dataset),
    ]


def _exactness(settings: Settings, work: Work) -> xr.Dataset:
    tree = BroadcastTree(
        3, 2, np.array([[0.9, 0.1], [0.25, 0.75]]), np.array([0.3, 0.7])
    )
    leaves, exact = bayes_of_tree(tree)
    spins = np.abs(root_posterior(tree, leaves) - exact).max()
    rng = generator(work.subseed("exactness"))
    data = SKY.sample(50, rng=rng)["data"]
    layered = gaussian.log_likelihood(
        SKY, gaussian.band_powers(SKY, gaussian.modes(SKY, data))
    )
    apart = layered - gaussian.direct_log_likelihood(SKY, data)
    gaps = [
        float(spins),
        _gaussian_gap(settings, rng),
        float(np.abs(apart - apart[:, :1]).max()),  # but for what no parameter changes
    ]
    return xr.Dataset(
        {"bayes_gap": (("hierarchy",), np.array(gaps))},
        {"hierarchy": ["spins", "Gaussians", "sky"]},
    )


def _gaussian_gap(settings: Settings, rng: np.random.Generator) -> float:
    """Posterior mean and variance by layers against conditioning the joint law."""
    chain = gaussian.gaussian_tree(4, 2, settings.correlation)
    data = chain.sample(50, rng=rng)[-1]
    mean, covariance = gaussian.posterior(chain, data)
    whole, size = gaussian.joint_covariance(chain), data.shape[1]
    gain = np.linalg.solve(whole[-size:, -size:], whole[-size:, :1])
    exact_mean = data @ gain
    exact_variance = whole[0, 0] - whole[0, -size:] @ gain[:, 0]
    return float(
        max(np.abs(mean - exact_mean).max(), abs(covariance[0, 0] - exact_variance))
    )


def _profiles(settings: Settings, work: Work) -> xr.Dataset:
    """Bits about the root by statistic and level, and of messages of few values."""
    tree = symmetric_tree(settings.levels, 2, settings.correlation)
    three = symmetric_tree(3, 3, settings.correlation)
    found, wide = information_profile(tree), information_profile(three)
    few = [information_bounds(tree, bins=b) for b in settings.bins]
    return xr.Dataset(
        {
            "bits": (
                ("statistic", "level"),
                np.array([getattr(found, s) for s in STATISTICS]),
            ),
            "bits_of_three": (
                ("statistic", "level_of_three"),
                np.array([getattr(wide, s) for s in STATISTICS]),
            ),
            "few": (("bins",), np.array([one.lower[-1] for one in few])),
            "values": (("bins",), np.array([one.messages for one in few])),
        },
        {
            "statistic": list(STATISTICS),
            "level": range(settings.levels + 1),
            "level_of_three": range(4),
            "bins": list(settings.bins),
        },
    )


def _sky(settings: Settings, work: Work) -> xr.Dataset:
    profile = gaussian.sky_profile(SKY)
    bits = [getattr(profile, name) for name in LEVELS]
    rng = generator(work.subseed("sky"))
    sampled, error = gaussian.sampled_information(SKY, settings.draws, rng=rng)
    each = [gaussian.sky_information(SKY, bands=[b]) for b in range(len(SKY.counts))]
    return xr.Dataset(
        {
            "sky": (("sky_level",), np.array(bits)),
            "sampled": ((), sampled),
            "sampled_error": ((), error),
            "band": (("one_band",), np.array(each)),
        },
        {"sky_level": list(LEVELS)},
    )


def _networks(settings: Settings, work: Work) -> xr.Dataset:
    pieces = [
        _shapes(settings, work.subseed("network", k)) for k in range(settings.seeds)
    ]
    found = readings(pieces, work, "networks of the shape of the tree")
    excess = {kind: np.array([one["excess"][kind] for one in found]) for kind in KINDS}
    means = [over_seeds(excess[kind]) for kind in KINDS]
    gains = [over_seeds(excess[k] - excess["tree"]) for k in KINDS[1:]]
    return xr.Dataset(
        {
            "excess_each": (
                ("kind", "seed"),
                np.array([excess[kind] for kind in KINDS]),
            ),
            "excess": (("kind",), np.array([float(m.value) for m in means])),
            "excess_error": (("kind",), np.array([float(m.error) for m in means])),
            "gain": (("other",), np.array([float(g.value) for g in gains])),
            "gain_error": (("other",), np.array([float(g.error) for g in gains])),
            "parameters": (
                ("kind",),
                np.array([found[0]["parameters"][kind] for kind in KINDS]),
            ),
            "floor": ((), found[0]["floor"]),
            "prior": ((), found[0]["prior"]),
        },
        {"kind": list(KINDS), "other": list(KINDS[1:])},
    )


def _shapes(settings: Settings, seed: int) -> Piece:
    """Three trainings on the examples of one seed, a run of its own."""
    about = {
        "levels": 4,
        "correlation": settings.correlation,
        "examples": settings.examples,
        "steps": settings.steps,
        "seed": seed,
    }

    def find() -> dict[str, Any]:
        found = compare_networks(
            symmetric_tree(4, 2, settings.correlation),
            draws=settings.examples,
            seeds=[seed],
            steps=settings.steps,
        )
        excess = {kind: float(values[0]) for kind, values in found.excess.items()}
        return asdict(found) | {"excess": excess}

    return Piece("lin2017-shapes", about, find)


def _threshold(settings: Settings, work: Work) -> xr.Dataset:
    """Bounds `(rate, depth)` of spins, and the Gaussian tree at the same depths."""
    lower, upper, normal, rates = [], [], [], []
    depths = list(settings.depths)
    for rate in settings.rates:
        theta = math.sqrt(rate / 2)
        tree = symmetric_tree(depths[-1], 2, theta)
        rates.append(kesten_stigum(tree))
        found = information_bounds(tree, bins=settings.resolution)
        lower.append(found.lower[depths])
        upper.append(found.upper[depths])
        normal.append([gaussian.tree_information(n, 2, theta) for n in depths])
    axes = ("rate", "depth")
    return xr.Dataset(
        {
            "lower": (axes, np.array(lower)),
            "upper": (axes, np.array(upper)),
            "normal": (axes, np.array(normal)),
            "kesten_stigum": (("rate",), np.array(rates)),
        },
        {"rate": list(settings.rates), "depth": depths},
    )


# Pictures


def _down_and_up(dataset: xr.Dataset) -> Figure:
    fig = figure(11.5, 3.7, 1, 3)
    tree, sky, few = fig.axes
    n = dataset.sizes["level"] - 1
    down = np.arange(n + 1)
    up = n + down
    tree.plot(
        down, dataset["bits"].sel(statistic="generation"), "o-", color="grey",
        markersize=4, label="generation",
    )  # fmt: skip
    for name, colour in zip(STATISTICS[1:], PALETTE, strict=False):
        bits = dataset["bits"].sel(statistic=name).values[::-1]
        style = "--" if name == "decision" else "-"
        tree.plot(
            up, bits, "o", linestyle=style, color=colour, markersize=4, label=name
        )
    ticks = [f"y{i}" for i in down] + [f"T{i}" for i in range(n - 1, -1, -1)]
    tree.set_xticks(range(2 * n + 1), ticks, fontsize=7)
    tree.set_ylim(0, 1.05)
    tree.set_ylabel("bits about the root")
    tree.legend(fontsize=8, frameon=False)
    values = dataset["sky"].values
    sky.plot(range(5), values, "o-", color="grey", markersize=4, label="generation")
    sky.plot(
        range(4, 8), [values[-1]] * 4, "o-", color=PALETTE[0], markersize=4,
        label="inference",
    )  # fmt: skip
    sky.errorbar(
        [4], [float(dataset["sampled"])], [float(dataset["sampled_error"])], fmt="s",
        color=PALETTE[2], markersize=4, capsize=2, label="drawn skies",
    )  # fmt: skip
    back = ["Fourier", "powers", "likelihood"]
    sky.set_xticks(range(8), [*LEVELS, *back], rotation=60, fontsize=7)
    sky.set_ylabel("bits about the parameters")
    sky.legend(fontsize=8, frameon=False)
    whole = float(dataset["bits"].sel(statistic="exact", level=0))
    values = dataset["values"].values
    few.plot(values, 1 - dataset["few"] / whole, "o-", color=PALETTE[0])
    few.set_xscale("log")
    few.set_yscale("log")
    few.set_xticks(values, [str(v) for v in values])
    few.set_xticks([], minor=True)
    few.set_xlabel("values that a message may have")
    few.set_ylabel("share of the bits lost")
    return fig


def _shape_and_threshold(dataset: xr.Dataset) -> Figure:
    fig = figure(11.0, 3.8, 1, 2)
    shape, threshold = fig.axes
    for place, (kind, colour) in enumerate(zip(KINDS, PALETTE, strict=False)):
        each = dataset["excess_each"].sel(kind=kind).values
        shape.plot(np.full(len(each), place - 0.15), each, ".", color=colour, alpha=0.6)
        shape.errorbar(
            [place], [float(dataset["excess"].sel(kind=kind))],
            [float(dataset["excess_error"].sel(kind=kind))], fmt="o", color=colour,
            capsize=3,
        )  # fmt: skip
    sizes = dataset["parameters"].values
    shape.set_xticks(
        range(3), [f"{k}\n{s} numbers" for k, s in zip(KINDS, sizes, strict=True)]
    )
    shape.set_ylim(0, None)
    shape.set_ylabel("nats above the Bayes floor")
    _draw_threshold(threshold, dataset)
    return fig


def _draw_threshold(ax: Axes, dataset: xr.Dataset) -> None:
    for n, colour in zip(dataset.depth.values, PALETTE, strict=False):
        at = dataset.sel(depth=n)
        middle = (at["lower"] + at["upper"]) / 2
        ax.fill_between(dataset.rate, at["lower"], at["upper"], color=colour, alpha=0.4)
        ax.plot(
            dataset.rate, middle, "o-", color=colour, markersize=3,
            label=f"spins, {n} generations",
        )  # fmt: skip
    last = int(dataset.depth.values[-1])
    ax.plot(
        dataset.rate, dataset["normal"].sel(depth=last), "k--", linewidth=1.0,
        label=f"Gaussians, {last} generations",
    )  # fmt: skip
    ax.axvline(1, color="grey", linewidth=0.8)
    ax.set_xlabel("b θ² (b = 2 children, θ the correlation with each)")
    ax.set_ylabel("bits of the leaves about the root")
    ax.legend(fontsize=8, frameon=False)


# Verdicts


def exact(dataset: xr.Dataset) -> bool:
    """Whether composed layers are Bayes' theorem."""
    return float(dataset["bayes_gap"].max()) < ROUNDING


def lossless(dataset: xr.Dataset) -> bool:
    """Whether the exact layers know as much at every level as the leaves do."""
    return _moved(dataset) < ROUNDING


def _moved(dataset: xr.Dataset) -> float:
    levels = dataset["bits"].sel(statistic="exact").values
    leaves = float(dataset["bits"].sel(statistic="generation").isel(level=-1))
    return float(np.abs(levels - leaves).max())


def _bayes(dataset: xr.Dataset) -> Check:
    gaps = dict(zip(dataset.hierarchy.values, dataset["bayes_gap"].values, strict=True))
    return Check(
        claim="Composed layers T_i = f_i(T_{i+1}) are the whole inference of y₀.",
        paper="theorem on pp. 23–24; its formulas are lost in the text at hand",
        ours=", ".join(f"{name} {gap:.1e}" for name, gap in gaps.items()),
        status=Status.REPRODUCED if exact(dataset) else Status.NOT,
        reason="differences from Bayes' theorem by listing all 2¹⁵ histories of a "
        "biased tree, by conditioning the joint Gaussian, and from the covariance of "
        f"all pixels; refused above {ROUNDING:g}",
    )


def _sufficient(dataset: xr.Dataset) -> Check:
    levels = dataset.sizes["level"]
    leaves = float(dataset["bits"].sel(statistic="generation").isel(level=-1))
    return Check(
        claim="No layer of the inference loses information about y₀.",
        paper="minimal sufficient statistics",
        ours=f"{leaves:.6f} bits at the leaves, {levels} levels",
        status=Status.REPRODUCED if lossless(dataset) else Status.NOT,
        reason=f"they change by {_moved(dataset):.1e} bits from the leaves to the root",
    )


def _processing(dataset: xr.Dataset) -> Check:
    falls = -np.diff(dataset["bits"].sel(statistic="generation").values)
    least = min(
        float(np.diff(dataset[name].sel(statistic=s).values).min())
        for name in ("bits", "bits_of_three")
        for s in STATISTICS[2:]
    )
    held = falls.min() > 0 and least > -ROUNDING
    return Check(
        claim="No processing of the data adds information: it only falls.",
        paper="caption of figure 3, in words",
        ours="generation destroys " + ", ".join(f"{f:.4f}" for f in falls) + " bits",
        status=Status.REPRODUCED if held else Status.NOT,
        reason=f"every step destroys some, and no vote or decision gains: the smallest "
        f"loss is {least:.4f} bits",
    )


def _the_sky(dataset: xr.Dataset) -> Check:
    bits = dict(zip(LEVELS, dataset["sky"].values, strict=True))
    pull = abs(float(dataset["sampled"]) - bits["data"])
    pull /= float(dataset["sampled_error"])
    ordered = all(a >= b - ROUNDING for a, b in itertools.pairwise(bits.values()))
    return Check(
        claim="The sky of figure 3: from parameters to data and back.",
        paper="a picture",
        ours=f"{bits['parameter']:.4f} bits of parameters, {bits['modes']:.4f} in the "
        f"modes, {bits['data']:.4f} in the data and in all three layers back",
        status=Status.REPRODUCED if ordered and pull < SIGMAS else Status.NOT,
        reason=f"chance of the sky takes {bits['spectrum'] - bits['modes']:.4f} bits, "
        f"noise {bits['pixels'] - bits['data']:.4f}; drawn skies with all pixels at "
        f"once have {shown(dataset, 'sampled')}, {pull:.1f} errors off",
    )


def _nearly(dataset: xr.Dataset) -> Check:
    whole = float(dataset["bits"].sel(statistic="exact", level=0))
    vote = float(dataset["bits"].sel(statistic="majority", level=0)) / whole
    three = dataset["bits_of_three"].sel(level_of_three=0)
    vote_of_three = float(
        three.sel(statistic="majority") / three.sel(statistic="exact")
    )
    kept, values = dataset["few"].values / whole, dataset["values"].values
    enough = np.flatnonzero(kept > NEARLY)
    first = enough[0] if len(enough) else -1
    return Check(
        claim="Nearly sufficient statistics are often at hand.",
        paper="in words",
        ours=f"messages of {values[first]} values keep {kept[first]:.2%} of the bits",
        status=Status.REPRODUCED if len(enough) else Status.NOT,
        reason=f"nearly is more than {NEARLY:.0%}; of {values[-1]} values they keep "
        f"{kept[-1]:.3%}, of {values[0]} {kept[0]:.0%}; votes of votes, "
        f"as block spins, keep {vote_of_three:.0%} with three children and {vote:.0%} "
        "with two, where ties go by lot",
    )


def _shape(dataset: xr.Dataset) -> Check:
    pulls = (dataset["gain"] / dataset["gain_error"]).values
    seeds = dataset["excess_each"].values
    share = float((seeds[1:] > seeds[0]).mean())
    clear = bool((pulls > SIGMAS).all())
    return Check(
        claim="The structure of the inference reflects that of the generation: a "
        "network of its shape is nearer to Bayes.",
        paper="in words",
        ours="nats above the floor: "
        + ", ".join(f"{k} {shown(dataset, 'excess', kind=k)}" for k in KINDS),
        status=Status.REPRODUCED
        if clear
        else Status.OPEN
        if (pulls > 0).all()
        else Status.NOT,
        reason=f"{int(dataset['parameters'].min())} to "
        f"{int(dataset['parameters'].max())} parameters on the same examples; the tree "
        f"wins {share:.0%} of pairs, by {pulls.min():.1f} errors or more over "
        f"{seeds.shape[1]} seeds",
    )


def _stigum(dataset: xr.Dataset) -> Check:
    last = int(dataset.depth.values[-1])
    rate, (decay, deepest) = dataset["kesten_stigum"].values, _decays(dataset)
    normal = _normal_decays(dataset)
    # Within a tenth of the threshold deep trees take longer than these to decide.
    clear = np.abs(rate - 1) > 0.1 - 1e-9
    worst = float(np.abs(decay - np.minimum(rate, 1))[clear].max())
    apart = float(np.abs(normal - np.minimum(rate, 1))[clear].max())
    most, least = (float(dataset[n].sel(depth=last)[k]) for n, k in ENDS)
    return Check(
        claim="Leaves of a deep tree know the root if and only if b θ² > 1.",
        paper="not on the slides; Kesten and Stigum (1966)",
        ours=f"after {last} generations at most {most:.1e} bits at b θ² = "
        f"{rate[0]:.2f}, at least {least:.4f} at {rate[-1]:.2f}",
        status=Status.REPRODUCED if max(worst, apart) < SETTLED else Status.NOT,
        reason="each of the last generations leaves "
        + ", ".join(
            f"{g:.3f} at {r:.2f} (to generation {n})"
            for g, r, n in zip(decay, rate, deepest, strict=True)
        )
        + f" of the bits, b θ² below the threshold and all of them above within "
        f"{worst:.3f}; Gaussian trees of these depths within {apart:.3f}",
    )


ENDS = (("upper", 0), ("lower", -1))


def _decays(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """By what a generation multiplies the bits, and up to which it is read.

    Over the last two depths whose bounds are `TIGHT`; not a number without any.
    """
    depth = dataset.depth.values
    lower, upper = (dataset[n].transpose("rate", "depth").values for n in BOUNDS)
    decay, deepest = np.full(len(lower), np.nan), np.zeros(len(lower), int)
    for i, tight in enumerate((upper < TIGHT * lower) & np.isfinite(lower)):
        read = np.flatnonzero(tight)[-2:]
        if len(read) == 2:
            bits = (lower[i] + upper[i])[read]
            steps = depth[read[1]] - depth[read[0]]
            decay[i], deepest[i] = (bits[1] / bits[0]) ** (1 / steps), depth[read[1]]
    return decay, deepest


def _normal_decays(dataset: xr.Dataset) -> np.ndarray:
    """By what a generation multiplies the bits of Gaussians, over the last depths."""
    depth = dataset.depth.values
    bits = dataset["normal"].transpose("rate", "depth").values
    return (bits[:, -1] / bits[:, -2]) ** (1 / (depth[-1] - depth[-2]))


BOUNDS = ("lower", "upper")


EXHIBIT = Exhibit(
    name="hierarchies",
    title="Inference undoes generation",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
