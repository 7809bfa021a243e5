"""Five sentences with numbers: what the mapping says, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from kadanoff.experiments.exhibit import FirstPage, shown
from kadanoff.experiments.mehta2014 import debate, receptive_fields, trained_rings

__all__ = ["first_page"]

Data = Mapping[str, xr.Dataset]


def first_page(data: Data) -> FirstPage:
    """The first page from the data sets of all exhibits."""
    return FirstPage(
        [
            _identity(data["identities"]),
            _objective(data["training_objective"]),
            _decimation(data["exact_cases"]),
            _debate(data["debate"]),
            receptive_fields.sentence(data["receptive_fields"]),
        ]
    )


def _identity(dataset: xr.Dataset) -> str:
    kl = dataset["random_divergence"]
    bonds = dataset.sel(case="a unit on every bond")
    return (
        "H_RG[h] = H_RBM[h] is true of every machine, trained or not (at most "
        f"{float(dataset['random_apart'].max()):.0e} apart at KL up to "
        f"{float(kl.max()):.1f} nats); exactness is that Tr_h e^T is the same for all "
        f"v, and not that ΔF = 0: a perfect machine has ΔF = "
        f"{float(bonds['free_energy']):.2f} and KL = 0, an untrained one can have "
        f"ΔF = 0 and KL = {_scaled(dataset):.2f} nats."
    )


def _scaled(dataset: xr.Dataset) -> float:
    return float(dataset["divergence"].sel(case="untrained, all weights times s"))


def _objective(dataset: xr.Dataset) -> str:
    at = dataset.sel(every_arm="KL")
    own, other = (float(at[f"left_{n}_slope"]) for n in ("divergence", "free_energy"))
    return (
        "Training follows KL: by CD-1 it goes from "
        f"{shown(dataset, 'first_divergence', every_arm='trained')} to "
        f"{shown(dataset, 'last_divergence', every_arm='trained')} nats; most of the "
        f"way this lowers ΔF as well ({float(at['lowering']):.0%} of the steps down "
        "KL), but ΔF is not what ends it: where "
        f"{own:.1%} of the largest slope of KL is left, {other:.0%} of that of ΔF is; "
        "and a descent of |ΔF + c| with the c that makes it 0 there ends at KL = "
        f"{shown(dataset, 'last_divergence', every_arm='|ΔF + c|')} nats."
    )


def _decimation(dataset: xr.Dataset) -> str:
    at = dataset["decimates"]
    main, other = (
        at.sel(arm=a) for a in (trained_rings.MAIN, trained_rings.CONTROLS[0])
    )
    drawn = at.sel(arm=trained_rings.DRAWN)
    off = trained_rings.off_by(dataset, "trained_length")
    return (
        "Decimation of a chain is a deep network exactly, and training finds it "
        "nearly: "
        f"{int(main.sum())} of {main.size} machines from small weights do, "
        f"{int(drawn.sum())} of {drawn.size} on drawn configurations and "
        f"{int(other.sum())} of {other.size} with one unit too few"
        + (
            f"; the correlation length of their hidden layer is {off.min():+.1%} to "
            f"{off.max():+.1%} off half of that of the chain."
            if off.size
            else "."
        )
    )


def _debate(dataset: xr.Dataset) -> str:
    left, far = dataset["unexplained"], dataset["environment"]
    block, random = (left.sel(kind=k) for k in (debate.BLOCK, debate.RANDOM))
    both = debate.short_ranged(dataset) & debate.knows_far(dataset)
    kinds = [str(k) for k in both["kind"].values if bool(both.sel(kind=k).any())]
    others = len([k for k in kinds if k != debate.BLOCK])
    return (
        "The equations do not tell a block rule from a random p(h|v) that keeps as "
        "much information, nor from p(v) p(h): the range of the coarse Hamiltonian "
        f"excludes the first (at most {float(block.max()):.1e} of it is not of short "
        f"range for block rules, at least {float(random.min()):.2f} for random ones), "
        "what coarse spins know of far ones the second "
        f"({float(far.sel(kind=debate.BLOCK).min()):.3f} bits or more against "
        f"{abs(float(far.sel(kind=debate.APART).max())):.0e}), and only together do "
        f"they leave {others} of {len(both['kind']) - 1} other kinds of exact steps."
    )
