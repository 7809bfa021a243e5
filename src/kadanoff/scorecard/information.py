"""How much of its surroundings a coarse variable of a map knows, beside majority.

One eighth of the chains decides when training stops, three eighths are learned from and
half are read (`kadanoff.instruments.information`), whichever map it is: readings of two
maps of the same configurations with the same seed have aligned errors, and so has their
ratio. What a map keeps is given as a share of what majority keeps; information itself
depends on temperature, buffer and the size of the block.

A rule that reads only the block and the buffer can know no more of the environment than
they do: I(H:E) ≤ I(H:own) where `own` is both. A map that reads elsewhere knows more of
the environment than any block spin, and a share above 1 is no merit, where its own
block tells less: so `own` is read too. All units of a map are read as one; a map that
does something else at every place is read as what its units have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.information import BIT
from kadanoff.instruments.information import (
    READ,
    InfoNCE,
    Pairs,
    barber_agakov,
    block_side,
    entropy,
    info_nce,
    own_pairs,
    pairs_of,
)
from kadanoff.networks.critic import Lessons, train_classifier, train_critic
from kadanoff.randomness import generator, subseed

__all__ = [
    "Information",
    "information",
    "learning_curve",
    "readings",
    "sentence",
    "share_kept",
    "shuffled",
]

SHARES = (3, 1, 4)
"""Chains that are learned from, watched and read."""
LEARNED = 1 << 19
PAIRS = {"learn": LEARNED, "watch": 1 << 14, "read": READ}
"""Pairs of each part, at most."""
BATCH = 256
"""Coarse values that a critic tells apart, in training and when it is read."""


@dataclass(frozen=True)
class Information:
    """Two bounds on I(H:E) of one map, in nats, read on the same chains.

    Attributes:
        classifier: H(h) + ⟨ln q(h | E)⟩; None of real values.
        critic: InfoNCE; None where it was not asked for.
        entropy: H(h), which no information is above; None of real values.
        own: the bound with the block and its buffer in the place of E; None where it
            was not asked for.
        buffer: sites left out around the block.
        reach: width of the environment beyond them.
        learned: configurations that the networks were trained on.
    """

    classifier: Estimate | None
    critic: InfoNCE | None
    entropy: Estimate | None
    own: Estimate | None
    buffer: int
    reach: int
    learned: int

    @property
    def bound(self) -> Estimate:
        """The tighter kind: the classifier's where values have few states.

        Chosen by kind and not by size: the larger of two readings is above both means.
        """
        if self.classifier is not None:
            return self.classifier
        assert self.critic is not None  # one of the two is always read
        return self.critic.value

    @property
    def reads_elsewhere(self) -> bool:
        """Whether E tells more than block and buffer, by three errors: then h is made
        of something else."""
        if self.own is None:
            return False
        more = self.bound - self.own
        return bool(more.value > 3 * more.error)


def information(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    seed: int,
    buffer: int | None = None,
    reach: int = 2,
    lessons: Lessons | None = None,
    critic: bool = True,
) -> Information:
    """I(H:E) of the coarse values of one block, bounded from below on held-out chains.

    Args:
        fine: configurations on a grid, of three chains or more.
        coarse: what a map made of them, one site (or one of every feature map) for each
            block of b^d sites.
        seed: draws blocks, weights and batches; the same for maps to be compared.
        buffer: as in `pairs_of`.
        reach: as in `pairs_of`.
        lessons: how the networks are trained.
        critic: read InfoNCE too, which real values always are.

    Raises:
        ValueError: as in `pairs_of`, or too few chains or configurations.
    """
    width = block_side(fine, coarse) if buffer is None else buffer
    around = partial(pairs_of, buffer=width, reach=reach)
    beyond = _split(fine, coarse, seed, around)
    within = _split(fine, coarse, seed, partial(own_pairs, buffer=width))
    discrete = beyond.read.states is not None
    return Information(
        classifier=_classifier(beyond, lessons, seed) if discrete else None,
        critic=_critic(beyond, lessons, seed) if critic or not discrete else None,
        entropy=entropy(beyond.read) if discrete else None,
        own=_bound(within, lessons, seed),
        buffer=width,
        reach=reach,
        learned=fine.split(*SHARES)[0].size,
    )


def learning_curve(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    seed: int,
    shares: Sequence[float] = (0.25, 0.5, 1.0),
    buffer: int | None = None,
    reach: int = 2,
    lessons: Lessons | None = None,
) -> dict[int, Estimate]:
    """The bound after learning from a part of the training chains only, in nats.

    All are read on the same chains: what still grows from the last but one to the last
    is what more configurations would add. Arguments as in `information`.

    Args:
        fine: as there.
        coarse: as there.
        seed: as there.
        shares: of the training chains, above 0 and at most 1.
        buffer: as there.
        reach: as there.
        lessons: as there.

    Returns:
        The readings by the number of configurations that were learned from.

    Raises:
        ValueError: as in `information`, or a share out of its range.
    """
    if not shares or not all(0 < share <= 1 for share in shares):
        raise ValueError(
            f"shares of the training chains are above 0 and at most 1, got {shares}"
        )
    around = partial(pairs_of, buffer=buffer, reach=reach)
    whole = _split(fine, coarse, seed, around)
    learn = [ensemble.split(*SHARES)[0] for ensemble in (fine, coarse)]
    curve = {}
    for share in shares:
        part = [_beginning(ensemble, share) for ensemble in learn]
        rng = generator(seed, "pairs", "learn")
        pairs = around(*part, rng=rng, most=LEARNED)
        curve[part[0].size] = _bound(replace(whole, learn=pairs), lessons, seed)
    return curve


def _beginning(ensemble: Ensemble, share: float) -> Ensemble:
    """The first of the chains; where that is less than one, of the draws of each."""
    chains = round(share * ensemble.chains)
    if chains >= 1 and share * ensemble.chains >= 1:
        return ensemble.select(slice(0, chains))
    whole = ensemble.draws
    first = min(max(1, round(share * whole)), whole - 1)
    return ensemble.stretches(first, whole - first)[0]


def share_kept(found: Information, majority: Information) -> Estimate:
    """What a map keeps of what majority keeps, with the error of the ratio.

    Raises:
        ValueError: another buffer or reach, or only some chains in common.
    """
    if (found.buffer, found.reach) != (majority.buffer, majority.reach):
        raise ValueError(
            "a share compares readings of the same environment, got buffers of "
            f"{found.buffer} and {majority.buffer} sites and reaches of {found.reach} "
            f"and {majority.reach}"
        )
    return found.bound / majority.bound


def shuffled(coarse: Ensemble) -> Ensemble:
    """The control that knows nothing: every chain beside the values of another one.

    Within each of the parts that are learned from, watched and read, so that the chains
    of a reading stay what they were. With a single chain in a part, its draws are moved
    by half.

    Raises:
        ValueError: fewer chains than parts.
    """
    parts = [part.values for part in coarse.split(*SHARES)]
    moved = [_moved(part) for part in parts]
    note = {"step": "shuffle chains"}
    return coarse.derived(
        np.concatenate(moved),
        coarse.geometry,
        coarse.alphabet,
        note,
        features=coarse.features,
    )


def readings(found: Information, majority: Information | None) -> dict[str, Estimate]:
    """What a row of a scorecard shows, by name.

    Args:
        found: of the map.
        majority: on the same chains; None where it cannot be applied, or is the map.

    Raises:
        ValueError: as in `share_kept`.
    """
    named = {
        "I(H:E) (nats)": found.bound,
        "I(H:own block and buffer) (nats)": found.own,
        "H(h) (nats)": found.entropy,
    }
    if found.critic is not None and found.classifier is not None:
        named["I(H:E) by InfoNCE (nats)"] = found.critic.value
    if majority is not None:
        named["share of majority's"] = share_kept(found, majority)
    return {name: value for name, value in named.items() if value is not None}


def sentence(found: Information, majority: Information | None) -> str:
    """The same in words, in bits; arguments as in `readings`."""
    words = (
        f"a coarse variable tells at least {_bits(found.bound)} bits of what lies more "
        f"than {found.buffer} sites from its block"
    )
    if majority is not None:
        words += f", {share_kept(found, majority)} of what majority keeps"
    if found.own is not None and found.reads_elsewhere:
        words += (
            f"; of what lies nearer it tells less, {_bits(found.own)} bits: the map "
            "reads other places than its block"
        )
    if found.classifier is None and found.critic is not None and found.critic.saturated:
        ceiling = found.critic.ceiling / BIT
        words += f"; the bound cannot exceed {ceiling:.2g} bits and is close to that"
    return words


def _bits(nats: Estimate) -> Estimate:
    return nats.map(lambda value: value / BIT)


@dataclass(frozen=True)
class _Split:
    """Pairs of the chains that are learned from, watched and read."""

    learn: Pairs
    watch: Pairs
    read: Pairs


def _split(
    fine: Ensemble, coarse: Ensemble, seed: int, around: Callable[..., Pairs]
) -> _Split:
    parts = zip(fine.split(*SHARES), coarse.split(*SHARES), strict=True)
    learn, watch, read = (
        around(*part, rng=generator(seed, "pairs", name), most=most)
        for part, (name, most) in zip(parts, PAIRS.items(), strict=True)
    )
    return _Split(learn, watch, read)


def _bound(split: _Split, lessons: Lessons | None, seed: int) -> Estimate:
    if split.read.states is not None:
        return _classifier(split, lessons, seed)
    return _critic(split, lessons, seed).value


def _classifier(split: _Split, lessons: Lessons | None, seed: int) -> Estimate:
    network = train_classifier(
        (split.learn.coarse, split.learn.environment),
        (split.watch.coarse, split.watch.environment),
        states=int(split.read.states or 0),
        lessons=lessons,
        seed=subseed(seed, "classifier"),
    )
    return barber_agakov(split.read, network.log_prob)


def _critic(split: _Split, lessons: Lessons | None, seed: int) -> InfoNCE:
    network = train_critic(
        (split.learn.coarse, split.learn.environment),
        (split.watch.coarse, split.watch.environment),
        states=split.read.states,
        lessons=lessons or Lessons(batch=BATCH),
        seed=subseed(seed, "critic"),
    )
    rng = generator(seed, "candidates")
    return info_nce(split.read, network.score, rng=rng, batch=BATCH)


def _moved(part: np.ndarray) -> np.ndarray:
    """`(chain, draw, …)` values beside other chains, or far from their own draws."""
    if len(part) > 1:
        return np.roll(part, 1, axis=0)
    return np.roll(part, part.shape[1] // 2, axis=1)
