"""References: complete, addressable, and a typing error finds the right one."""

import re

import pytest

from kadanoff.citations import REFERENCES, TOPICS, cite, find
from kadanoff.flows.registry import FLOWS
from kadanoff.flows.tensor_registry import SCHEMES
from kadanoff.samplers.methods import METHODS

APS = {
    "Phys. Rev. X": "PhysRevX",
    "Phys. Rev.": "PhysRev",
    "Phys. Rev. B": "PhysRevB",
    "Phys. Rev. D": "PhysRevD",
    "Phys. Rev. E": "PhysRevE",
    "Phys. Rev. Lett.": "PhysRevLett",
    "Rev. Mod. Phys.": "RevModPhys",
}


@pytest.mark.parametrize("name", REFERENCES)
def test_every_reference_is_complete(name):
    reference = find(name)
    assert re.fullmatch(r"[^,]+, .+", reference.authors)
    assert reference.title
    assert 1900 < reference.year < 2027
    assert not reference.doi or re.fullmatch(r"10\.\d{4,}/\S+", reference.doi)
    assert not reference.arxiv or re.fullmatch(
        r"\d{4}\.\d{4,5}|[a-z-]+/\d{7}", reference.arxiv
    )
    found = reference.doi or reference.arxiv or re.search(r"\d", reference.where)
    assert found or reference.where.endswith("an essay on the web")


@pytest.mark.parametrize("name", REFERENCES)
def test_identifiers_of_physical_reviews_follow_from_volume_and_page(name):
    reference = find(name)
    found = re.fullmatch(r"(.+) (\d+), (\d+)", reference.where)
    if found and found[1] in APS:
        expected = f"10.1103/{APS[found[1]]}.{found[2]}.{found[3]}"
        assert reference.doi == expected
    else:
        assert "10.1103/PhysRev" not in reference.doi


def test_no_source_is_there_twice():
    places = [(r.where, r.title) for r in REFERENCES.values()]
    identifiers = [r.doi for r in REFERENCES.values() if r.doi]
    assert len(set(places)) == len(places)
    assert len(set(identifiers)) == len(identifiers)


def test_a_method_gives_its_entry():
    entry = cite("wolff")
    assert entry.startswith("@misc{wolff,")
    assert entry.count("{") == entry.count("}")
    assert "10.1103/PhysRevLett.62.361" in entry


@pytest.mark.parametrize("method", sorted({*METHODS} - {"auto", "independent"}))
def test_every_sampling_method_can_be_cited(method):
    assert cite(method).startswith("@misc{")


@pytest.mark.parametrize("name", [*FLOWS, *SCHEMES])
def test_every_flow_can_be_cited_by_its_name(name):
    assert cite(name).startswith("@misc{")
    assert name in TOPICS  # chosen for it, and no accident of a key


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_gives_all_of_its_sources(topic):
    keys = TOPICS[topic]
    assert len(set(keys)) == len(keys)
    assert cite(topic) == "\n\n".join(find(key).bibtex(key) for key in keys)


def test_a_topic_that_is_a_reference_too_begins_with_it():
    assert all(TOPICS[name][0] == name for name in TOPICS.keys() & REFERENCES.keys())


def test_each_reference_is_printed_once_and_none_named_means_all():
    assert cite("wolff", "mcrg", "wolff").count("@misc{") == 2
    assert cite("reweighting", "mbar").count("@misc{mbar,") == 1
    assert cite().count("@misc{") == len(REFERENCES)


def test_plain_text_names_the_source():
    text = str(find("mehta2014"))
    assert "Mehta, P.; Schwab, D. J." in text
    assert text.endswith("arXiv:1410.3831")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("wolf", "wolff"), ("Swendsen-Wang", "swendsen-wang"),
        ("besag", "pseudo-like"), ("reweigting", "reweighting"),
    ],
)  # fmt: skip
def test_an_unknown_name_gets_the_closest(wrong, meant):
    with pytest.raises(ValueError, match=meant):
        cite(wrong)


def test_a_name_like_no_other_gets_a_sentence():
    with pytest.raises(ValueError, match="no reference is known for 'qqqq'"):
        cite("qqqq")
