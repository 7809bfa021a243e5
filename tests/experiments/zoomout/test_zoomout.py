"""The essay's exhibits together: all draw and judge, and the first page has numbers."""

import numpy as np
import pytest

from kadanoff.experiments.papers import paper_of

PAPER = paper_of("zoomout")
EXHIBITS = {exhibit.name: exhibit for exhibit in PAPER.exhibits}
WORDS_ALONE = ("scale_invariance", "self_similarity", "epsilon", "parameters")
"""Of what these are about the essay has no number."""


@pytest.mark.parametrize("name", EXHIBITS)
def test_every_exhibit_draws_and_judges(name, computed, drawn):
    for section in drawn(name):
        assert section.picture is not None
        assert section.picture.startswith("data:image/svg")
    for check in EXHIBITS[name].checks(computed(name)):
        assert check.claim.endswith(".")
        assert all((check.paper, check.ours, check.reason))


@pytest.mark.parametrize("name", WORDS_ALONE)
def test_the_essay_is_credited_with_no_number_that_it_lacks(name, computed):
    for check in EXHIBITS[name].checks(computed(name)):
        assert not any(c.isdigit() for c in check.paper)
        assert "fold" not in check.paper
        assert any(c.isdigit() for c in check.ours)


def test_the_first_page_has_five_sentences_with_numbers(computed):
    sentences = PAPER.first_page({name: computed(name) for name in EXHIBITS}).sentences
    assert len(sentences) == 5
    assert all(np.any([c.isdigit() for c in s]) and s.endswith(".") for s in sentences)
