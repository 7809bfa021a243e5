"""Five sentences with numbers: what the mapping says, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from kadanoff.experiments.exhibit import FirstPage, shown
from kadanoff.experiments.mehta2014 import exact_cases, receptive_fields

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
    def way(name: str) -> str:
        first, last = (
            shown(dataset, f"{end}_{name}", every_arm="trained")
            for end in ("first", "last")
        )
        return f"{first} to {last}"

    return (
        "Training follows KL and not ΔF: by CD-1 KL goes from "
        f"{way('divergence')} nats while ΔF goes from {way('free_energy')}, and a "
        f"descent of |ΔF| leaves KL at "
        f"{shown(dataset, 'last_divergence', every_arm='|ΔF|')} nats."
    )


def _decimation(dataset: xr.Dataset) -> str:
    at = dataset["decimates"]
    main, other = (at.sel(arm=a) for a in (exact_cases.MAIN, "|ΔF|"))
    return (
        "Decimation of a chain is a deep network exactly, and training finds it: "
        f"{int(main.sum())} of {main.size} machines from small weights do, "
        f"{int(other.sum())} of {other.size} that are taken down |ΔF|."
    )


def _debate(dataset: xr.Dataset) -> str:
    left = dataset["unexplained"]
    block, random = (left.sel(kind=k) for k in ("block rule", "random rule"))
    return (
        "The equations do not tell a block rule from a random p(h|v) that keeps as "
        "much information; the range of the coarse Hamiltonian does: what is not "
        f"short-ranged of it is at most {float(block.max()):.1e} for block rules and "
        f"at least {float(random.min()):.2f} for random ones."
    )
