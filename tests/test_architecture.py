"""Arrows point one way: every import of the package is read and checked."""

import ast
from pathlib import Path

import pytest

import kadanoff

SOURCE = Path(kadanoff.__file__).parent
FLOOR = {
    "protocols", "geometry", "symmetry", "ensemble", "estimate", "autocorrelation",
    "randomness", "files", "storage", "foreign", "runs", "citations", "content",
    "provenance", "locks", "containers", "shards", "alphabet", "workers", "sweep",
    "netcdf",
}  # fmt: skip
PHYSICS = {"kernels", "models", "exact"}
MAY_USE = {
    "kernels": FLOOR,
    "models": FLOOR,
    "exact": FLOOR,
    "samplers": FLOOR | PHYSICS,
    "networks": FLOOR | PHYSICS | {"samplers"},
    "flows": FLOOR | PHYSICS,
    "expressivity": FLOOR | PHYSICS,
    "instruments": FLOOR | PHYSICS | {"samplers"},
    "coarse": FLOOR | PHYSICS | {"samplers", "networks", "instruments"},
    "procedures": FLOOR | PHYSICS | {"samplers", "networks", "instruments", "coarse"},
    "reports": FLOOR,
    "scorecard": FLOOR
    | PHYSICS
    | {"samplers", "networks", "instruments", "coarse", "reports"},
    "experiments": FLOOR
    | PHYSICS
    | {"samplers", "networks", "flows", "expressivity", "instruments", "coarse"}
    | {"reports"}
    | {"scorecard", "procedures"},
}
MAY_USE["cli"] = MAY_USE["experiments"] | {"experiments"}
HEAVY = {"torch", "numba", "scipy", "matplotlib", "h5py", "h5netcdf", "xarray", "rich"}


def imports_of(tree: ast.AST, *, top_level_only: bool = False) -> set[str]:
    """Full names of the modules that a tree imports, annotations included."""
    nodes = ast.iter_child_nodes(tree) if top_level_only else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def floor_of(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def wrong_arrows(floor: str, tree: ast.AST) -> list[str]:
    """Imports that a file of `floor` must not have."""
    allowed = (FLOOR if floor in FLOOR else MAY_USE[floor]) | {floor}
    inside = [name.split(".") for name in imports_of(tree)]
    return [
        ".".join(parts)
        for parts in inside
        if parts[0] == "kadanoff" and len(parts) > 1 and parts[1] not in allowed
    ]


FILES = sorted(p for p in SOURCE.rglob("*.py") if p.parent != SOURCE or p.stem in FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_arrows_point_one_way(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if floor_of(path) in FLOOR:  # a protocol may name what it is about in annotations
        tree = ast.Module(
            [n for n in tree.body if not _is_type_checking(n)], type_ignores=[]
        )
    assert wrong_arrows(floor_of(path), tree) == []


def test_every_folder_has_a_place_in_the_order():
    folders = {p.name for p in SOURCE.iterdir() if (p / "__init__.py").exists()}
    modules = {p.stem for p in SOURCE.glob("*.py")} - {"__init__", "__main__"}
    assert folders == set(MAY_USE)
    assert modules == FLOOR


def test_a_wrong_arrow_is_seen():
    reads_a_rule = ast.parse("def f():\n    from kadanoff.coarse.block import Majority")
    assert wrong_arrows("instruments", reads_a_rule) == ["kadanoff.coarse.block"]
    reads_a_network = ast.parse("import kadanoff.networks.rbm")
    assert wrong_arrows("instruments", reads_a_network) == ["kadanoff.networks.rbm"]


@pytest.mark.parametrize("name", sorted(FLOOR))
def test_the_ground_floor_loads_nothing_heavy(name):
    tree = ast.parse((SOURCE / f"{name}.py").read_text(encoding="utf-8"))
    roots = {n.split(".")[0] for n in imports_of(tree, top_level_only=True)}
    assert roots & HEAVY == set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_nothing_is_unpickled(path):
    roots = {n.split(".")[0] for n in imports_of(ast.parse(path.read_text("utf-8")))}
    assert roots & {"pickle", "dill", "cloudpickle", "joblib", "shelve"} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_every_module_opens_with_a_docstring_and_names_its_surface(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    targets = {
        t.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for t in node.targets
        if isinstance(t, ast.Name)
    }
    assert "__all__" in targets or path.name == "__init__.py"


def _is_type_checking(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )
