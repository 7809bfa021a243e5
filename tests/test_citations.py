"""References: complete, addressable, and a typing error finds the right one."""

import re

import pytest

from kadanoff.citations import REFERENCES, cite, find


@pytest.mark.parametrize("name", REFERENCES)
def test_every_reference_is_complete(name):
    reference = find(name)
    assert re.fullmatch(r"[^,]+, .+", reference.authors)
    assert reference.title
    assert 1940 < reference.year < 2027
    assert not reference.doi or re.fullmatch(r"10\.\d{4,}/\S+", reference.doi)
    assert not reference.arxiv or re.fullmatch(
        r"\d{4}\.\d{4,5}|[a-z-]+/\d{7}", reference.arxiv
    )
    assert reference.doi or reference.arxiv or re.search(r"\d", reference.where)


def test_a_method_gives_its_entry():
    entry = cite("wolff")
    assert entry.startswith("@misc{wolff,")
    assert entry.count("{") == entry.count("}")
    assert "10.1103/PhysRevLett.62.361" in entry


def test_each_reference_is_printed_once_and_none_named_means_all():
    assert cite("wolff", "mcrg", "wolff").count("@misc{") == 2
    assert cite().count("@misc{") == len(REFERENCES)


def test_plain_text_names_the_source():
    text = str(find("mehta2014"))
    assert "Mehta, P.; Schwab, D. J." in text
    assert text.endswith("arXiv:1410.3831")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("wolf", "wolff"), ("Swendsen-Wang", "swendsen-wang"), ("besag", "pseudo-like")],
)
def test_an_unknown_name_gets_the_closest(wrong, meant):
    with pytest.raises(ValueError, match=meant):
        cite(wrong)


def test_a_name_like_no_other_gets_a_sentence():
    with pytest.raises(ValueError, match="no reference is known for 'qqqq'"):
        cite("qqqq")
