"""How much of its surroundings a coarse variable of a map knows, beside majority.

One eighth of the chains decides when training stops, three eighths are learned from and
half are read (`kadanoff.instruments.information`), whichever map it is: readings of two
maps of the same configurations with the same seed have aligned errors, and so has their
ratio. What a map keeps is given as a share of what majority keeps; information itself
depends on temperature, buffer and the size of the block.

A map that reads beyond its block can read its environment, and then knows more of it
than any block spin: a share above 1 is no merit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, check_same_chains
from kadanoff.exact.information import BIT
from kadanoff.instruments.information import (
    InfoNCE,
    Pairs,
    barber_agakov,
    block_side,
    entropy,
    info_nce,
    pairs_of,
)
from kadanoff.networks.critic import Lessons, train_classifier, train_critic
from kadanoff.randomness import generator, subseed
from kadanoff.scorecard.rows import Row

__all__ = [
    "Information",
    "information",
    "information_row",
    "learning_curve",
    "share_kept",
    "shuffled",
]

SHARES = (3, 1, 4)
"""Chains that are learned from, watched and read."""
LEARNED, WATCHED = 1 << 19, 1 << 14
"""Pairs that are learned from and watched, about."""
BATCH = 256
"""Coarse values that a critic tells apart, in training and when it is read."""


@dataclass(frozen=True)
class Information:
    """Two bounds on I(H:E) of one map, in nats, read on the same chains.

    Attributes:
        classifier: H(h) + ⟨ln q(h | E)⟩; None of real values.
        critic: InfoNCE; None where it was not asked for.
        entropy: H(h), which no information is above; None of real values.
        buffer: sites left out around the block.
        reach: width of the environment beyond them.
        learned: configurations that the networks were trained on.
    """

    classifier: Estimate | None
    critic: InfoNCE | None
    entropy: Estimate | None
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
    learn, watch, read = _parts(fine, coarse, seed, buffer, reach)
    width = block_side(fine, coarse) if buffer is None else buffer
    learned = fine.split(*SHARES)[0].size
    return _bounds(learn, watch, read, lessons, seed, critic, (width, reach, learned))


def learning_curve(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    seed: int,
    shares: Sequence[float] = (0.25, 0.5, 1.0),
    buffer: int | None = None,
    reach: int = 2,
    lessons: Lessons | None = None,
    critic: bool = False,
) -> tuple[Information, ...]:
    """The reading after learning from a part of the training chains only.

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
        critic: as there.

    Raises:
        ValueError: as in `information`, or a share out of its range.
    """
    if not shares or not all(0 < share <= 1 for share in shares):
        raise ValueError(
            f"shares of the training chains are above 0 and at most 1, got {shares}"
        )
    _, watch, read = _parts(fine, coarse, seed, buffer, reach)
    width = block_side(fine, coarse) if buffer is None else buffer
    whole = [ensemble.split(*SHARES)[0] for ensemble in (fine, coarse)]
    curve = []
    for share in shares:
        few = slice(0, max(1, round(share * whole[0].chains)))
        part = [ensemble.select(few) for ensemble in whole]
        learn = _pairs(part[0], part[1], seed, buffer, reach, LEARNED)
        about = (width, reach, part[0].size)
        curve.append(_bounds(learn, watch, read, lessons, seed, critic, about))
    return tuple(curve)


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


def information_row(found: Information, majority: Information | None) -> Row:
    """The row of a scorecard; no majority where it cannot be applied, or is the map."""
    readings: dict[str, object] = {"I(H:E) (nats)": found.bound}
    if found.entropy is not None:
        readings["H(h) (nats)"] = found.entropy
    if found.critic is not None and found.classifier is not None:
        readings["I(H:E) by InfoNCE (nats)"] = found.critic.value
    if majority is not None:
        readings["share of majority's"] = share_kept(found, majority)
    return Row("information", readings, _sentence(found, majority))


def _sentence(found: Information, majority: Information | None) -> str:
    bits = found.bound.map(lambda nats: nats / BIT)
    words = (
        f"a coarse variable tells at least {bits} bits of what lies more than "
        f"{found.buffer} sites from its block"
    )
    if majority is not None:
        words += f", {share_kept(found, majority)} of what majority keeps"
    if found.classifier is None and found.critic is not None and found.critic.saturated:
        ceiling = found.critic.ceiling / BIT
        words += f"; the bound cannot exceed {ceiling:.2g} bits and is close to that"
    return words


def _bounds(
    learn: Pairs,
    watch: Pairs,
    read: Pairs,
    lessons: Lessons | None,
    seed: int,
    critic: bool,
    about: tuple[int, int, int],
) -> Information:
    discrete = read.states is not None
    buffer, reach, learned = about
    return Information(
        classifier=_classifier(learn, watch, read, lessons, seed) if discrete else None,
        critic=(
            _critic(learn, watch, read, lessons, seed)
            if critic or not discrete
            else None
        ),
        entropy=entropy(read) if discrete else None,
        buffer=buffer,
        reach=reach,
        learned=learned,
    )


def _classifier(
    learn: Pairs, watch: Pairs, read: Pairs, lessons: Lessons | None, seed: int
) -> Estimate:
    network = train_classifier(
        (learn.coarse, learn.environment),
        (watch.coarse, watch.environment),
        states=int(read.states or 0),
        lessons=lessons,
        seed=subseed(seed, "classifier"),
    )
    return barber_agakov(read, network.log_prob)


def _critic(
    learn: Pairs, watch: Pairs, read: Pairs, lessons: Lessons | None, seed: int
) -> InfoNCE:
    network = train_critic(
        (learn.coarse, learn.environment),
        (watch.coarse, watch.environment),
        states=read.states,
        lessons=lessons or Lessons(batch=BATCH),
        seed=subseed(seed, "critic"),
    )
    rng = generator(seed, "candidates")
    return info_nce(read, network.score, rng=rng, batch=BATCH)


def _parts(
    fine: Ensemble, coarse: Ensemble, seed: int, buffer: int | None, reach: int
) -> tuple[Pairs, Pairs, Pairs]:
    check_same_chains(fine, coarse)
    f, c = fine.split(*SHARES), coarse.split(*SHARES)
    learn, watch = (
        _pairs(f[k], c[k], seed, buffer, reach, most)
        for k, most in enumerate((LEARNED, WATCHED))
    )
    rng = generator(seed, "pairs")
    return learn, watch, pairs_of(f[2], c[2], rng=rng, buffer=buffer, reach=reach)


def _pairs(
    fine: Ensemble,
    coarse: Ensemble,
    seed: int,
    buffer: int | None,
    reach: int,
    most: int,
) -> Pairs:
    rng = generator(seed, "pairs", fine.size)
    return pairs_of(fine, coarse, rng=rng, buffer=buffer, reach=reach, most=most)


def _moved(part: np.ndarray) -> np.ndarray:
    """`(chain, draw, …)` values beside other chains, or far from their own draws."""
    if len(part) > 1:
        return np.roll(part, 1, axis=0)
    return np.roll(part, part.shape[1] // 2, axis=1)
