"""The page on features: every section has its picture, every table every network."""

from kadanoff.experiments.zoomout.digit_networks import ARMS


def test_every_section_is_drawn_and_tables_have_every_network(drawn):
    sections = drawn("features")
    for section in sections:
        assert section.picture is not None
        assert section.picture.startswith("data:image/svg")
    tables = [table for section in sections for table in section.tables]
    assert len(tables) == 2
    for table in tables:
        assert {row[0] for row in table.rows} == set(ARMS)
        assert {len(row) for row in table.rows} == {len(table.header)}
