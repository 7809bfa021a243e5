"""Configurations from elsewhere: read as meant, or refused with one sentence."""

import pickle
import zipfile

import h5py
import numpy as np
import pytest
import torch
import xarray

from kadanoff.ensemble import Ensemble
from kadanoff.foreign import open_foreign
from kadanoff.geometry import Grid, Unordered
from kadanoff.storage import save


def spins(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, shape, dtype=np.int8) * 2 - 1


SPINS = spins(12, 4, 6)


def as_npy(path, values):
    np.save(path.with_suffix(".npy"), values)
    return path.with_suffix(".npy")


def as_npz(path, values):
    np.savez(path.with_suffix(".npz"), spins=values)
    return path.with_suffix(".npz")


def as_packed_npz(path, values):
    np.savez_compressed(path.with_suffix(".npz"), spins=values)
    return path.with_suffix(".npz")


def as_hdf5(path, values):
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["runs/cold/spins"] = values
        file["energies"] = np.zeros(len(values))
    return path.with_suffix(".h5")


def as_netcdf(path, values):
    data = xarray.DataArray(values, dims=("n", "x", "y"), name="spins")
    data.to_dataset().to_netcdf(path.with_suffix(".nc"), engine="h5netcdf")
    return path.with_suffix(".nc")


FILES = [as_npy, as_npz, as_packed_npz, as_hdf5, as_netcdf]
OBJECTS = [
    np.asarray,
    torch.from_numpy,
    lambda v: torch.nn.Parameter(torch.from_numpy(v).float()),
    lambda v: torch.from_numpy(v).to(torch.bfloat16),
    lambda v: xarray.DataArray(v, dims=("n", "x", "y")),
    lambda v: xarray.DataArray(v, dims=("draw", "x", "y")).transpose("x", "y", "draw"),
    lambda v: xarray.Dataset({"spins": (("n", "x", "y"), v), "e": ("n", v[:, 0, 0])}),
]


@pytest.mark.parametrize("write", FILES)
@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float64, ">f4"])
def test_every_kind_of_file(write, dtype, tmp_path):
    path = write(tmp_path / "mine", SPINS.astype(dtype))
    for name in (path, str(path)):
        found = open_foreign(name, chains=3)
        assert np.array_equal(found.values, SPINS.reshape(3, 4, 4, 6))
        assert found.geometry == Grid((4, 6))
        assert found.history[0]["source"] == path.name


@pytest.mark.parametrize("wrap", OBJECTS)
def test_every_kind_of_object(wrap):
    found = open_foreign(wrap(SPINS.copy()), chains=3)
    assert np.array_equal(found.values, SPINS.reshape(3, 4, 4, 6))


@pytest.mark.parametrize("separator", [" ", ", ", ",", "\t", ";", "   "])
@pytest.mark.parametrize("number", ["%d", "%+d", "%.6f"])
def test_text(separator, number, tmp_path):
    np.savetxt(
        tmp_path / "mine.txt",
        SPINS.reshape(12, 24),
        fmt=number,
        delimiter=separator,
        header="spins of a 4 × 6 lattice",
        encoding="utf-8",
    )
    found = open_foreign(tmp_path / "mine.txt", chains=2, shape=(4, 6))
    assert np.array_equal(found.values, SPINS.reshape(2, 6, 4, 6))


def test_the_first_bytes_count_not_the_name(tmp_path):
    path = as_npy(tmp_path / "mine", SPINS).rename(tmp_path / "mine.dat")
    assert open_foreign(path, chains=1).size == 12


def test_an_unknown_number_of_chains_is_one_and_said():
    found = open_foreign(SPINS)
    assert found.chains == 1
    assert found.history[0]["chains"] == "unknown, taken as one"
    assert open_foreign(SPINS, chains=3).history[0]["chains"] == 3


@pytest.mark.parametrize(
    ("shape", "options", "read_as"),
    [
        ((12, 4, 6), {}, (1, 12, 4, 6)),
        ((12, 4, 6), {"chains": 12}, (12, 1, 4, 6)),
        ((12, 4, 6), {"chains": 3}, (3, 4, 4, 6)),
        ((3, 4, 4, 6), {"chains": 3}, (3, 4, 4, 6)),
        ((12, 4, 4, 6), {"chains": 3}, (3, 4, 4, 4, 6)),
        ((12, 4, 4, 6), {"chains": 1}, (1, 12, 4, 4, 6)),
        ((12, 4, 4, 6), {"shape": (4, 4, 6)}, (1, 12, 4, 4, 6)),
        ((3, 4, 4, 6), {"shape": (4, 6)}, (3, 4, 4, 6)),
        ((3, 4, 4, 6), {"shape": [4, 6], "chains": 3}, (3, 4, 4, 6)),
        ((3, 4, 24), {"shape": (4, 6)}, (3, 4, 4, 6)),
        ((12, 24), {"shape": (4, 6)}, (1, 12, 4, 6)),
        ((12, 24), {"shape": (24,), "chains": 2}, (2, 6, 24)),
        ((12, 24), {"shape": Unordered(24)}, (1, 12, 24)),
        ((3, 4, 24), {"shape": Unordered(24)}, (3, 4, 24)),
    ],
)
def test_the_reading_of_shapes(shape, options, read_as):
    values = spins(*shape)
    found = open_foreign(values, **options)
    assert found.values.shape == read_as
    assert np.array_equal(found.values, values.reshape(read_as))
    if isinstance(options.get("shape"), Unordered):
        assert found.geometry == options["shape"]


def test_named_dimensions_say_what_is_what():
    values = spins(3, 4, 5)
    labelled = xarray.DataArray(values, dims=("chain", "draw", "x"))
    assert np.array_equal(open_foreign(labelled).values, values)
    mixed = labelled.transpose("x", "draw", "chain")
    assert np.array_equal(open_foreign(mixed).values, values)


def test_zeros_and_ones_become_spins(tmp_path):
    bits = (SPINS + 1) // 2
    for values in (bits, bits.astype(bool), bits.astype(np.float32)):
        found = open_foreign(values, alphabet="01")
        assert (found.alphabet, found.history[0]["alphabet"]) == ("pm1", "01")
        assert np.array_equal(found.values[0], SPINS)


def test_real_values_are_copied_not_tied_to_the_source(tmp_path):
    values = np.random.default_rng(0).normal(size=(6, 4, 4)).astype(np.float32)
    found = open_foreign(values, alphabet="real")
    assert np.array_equal(found.values[0], values)
    values[:] = 0
    assert found.values.any()


def test_an_ensemble_is_taken_as_it_is(tmp_path):
    ensemble = Ensemble.from_values(spins(2, 3, 4, 4), tau=3.0, lineage="mine")
    save(ensemble, tmp_path / "e.nc")
    with xarray.open_dataset(tmp_path / "e.nc", engine="h5netcdf") as dataset:
        for source in (ensemble, tmp_path / "e.nc", str(tmp_path / "e.nc"), dataset):
            found = open_foreign(source)
            assert (found.tau, found.lineage) == (3.0, "mine")
            assert np.array_equal(found.values, ensemble.values)
    with pytest.raises(ValueError, match="says itself what it holds"):
        open_foreign(tmp_path / "e.nc", chains=2)


def test_a_known_law_is_recorded():
    found = open_foreign(SPINS, model="ising", coupling=0.44)
    assert (found.model, dict(found.couplings)) == ("ising", {"K": 0.44})
    unknown = open_foreign(SPINS)
    assert (unknown.model, dict(unknown.couplings)) == (None, {})


def test_tau_is_that_of_the_slowest():
    # Order comes and goes as a two-state chain with ρ(t) = 0.9^t, τ = 9.5. By Madras
    # and Sokal 4 × 20000 draws give τ to ±0.51; four of these are allowed, so an error
    # of 22 % is seen. Shuffled draws (the control) have ½.
    rng = np.random.default_rng(0)
    flips = rng.random((4, 20000)) < (1 - 0.9) / 2
    ordered = np.cumsum(flips, axis=1) % 2 == 0
    values = np.ones((4, 20000, 2, 2), dtype=np.int8)
    values[~ordered] = np.array([[1, -1], [-1, 1]])
    found = open_foreign(values, chains=4)
    assert abs(found.tau - 9.5) < 4 * 0.51
    shuffled = rng.permutation(values.reshape(-1, 2, 2))
    assert open_foreign(shuffled, chains=4).tau < 0.6


def test_tau_of_the_energy_alone_is_seen():
    # m = 0 throughout: stripes of one or two rows differ in the energy only.
    rng = np.random.default_rng(0)
    flips = rng.random((2, 5000)) < 0.05
    thin = np.cumsum(flips, axis=1) % 2 == 0
    values = np.empty((2, 5000, 4, 4), dtype=np.int8)
    values[thin] = np.repeat([[1], [-1], [1], [-1]], 4, axis=1)
    values[~thin] = np.repeat([[1], [1], [-1], [-1]], 4, axis=1)
    assert open_foreign(values, chains=2).tau > 7


REFUSED = {
    "bits as spins": ((SPINS + 1) // 2, {}, "'pm1' are -1 or 1, got 0"),
    "truth values": (SPINS > 0, {}, "alphabet '01'"),
    "spins as bits": (SPINS, {"alphabet": "01"}, "are 0 or 1, got -1"),
    "potts": (SPINS, {"alphabet": "potts:3"}, "whole numbers from 0 to 2, got -1"),
    "alphabet": (SPINS, {"alphabet": "pm2"}, "alphabet is one of pm1, potts:q"),
    "nan": (np.full((3, 2, 2), np.nan), {"alphabet": "real"}, "finite, got nan"),
    "nan bits": (np.full((3, 2, 2), np.nan), {"alphabet": "01"}, "got nan"),
    "beyond float32": (np.full((3, 2, 2), 1e300), {"alphabet": "real"}, "finite"),
    "complex": (SPINS.astype(complex), {}, "arrays of numbers, got complex128"),
    "text": (SPINS.astype(str), {}, "arrays of numbers, got <U"),
    "objects": (SPINS.astype(object), {}, "arrays of numbers, got object"),
    "a list of words": (["a", "b"], {}, "arrays of numbers"),
    "a dictionary": ({"spins": 1}, {}, "arrays of numbers, got object"),
    "one axis": (spins(12), {}, "at least one"),
    "none": (spins(0, 4, 4), {}, "at least one"),
    "rows": (spins(12, 16), {}, r"such as \(4, 4\) for a lattice"),
    "rows, no square": (spins(12, 18), {}, r"such as \(3, 6\) for a lattice"),
    "four axes": (spins(3, 4, 4, 4), {}, "may hold 3 chains or one"),
    "wrong shape": (SPINS, {"shape": (5, 5)}, r"shape \(5, 5\) do not fill"),
    "wrong units": (spins(3, 9), {"shape": Unordered(8)}, "do not fill"),
    "bad shape": (spins(3, 9), {"shape": (0, 9)}, "at least 1 site"),
    "uneven chains": (SPINS, {"chains": 5}, "leave out 2"),
    "too many chains": (SPINS, {"chains": 13}, "at least as many"),
    "no chains": (SPINS, {"chains": 0}, "at least 1, got 0"),
    "chains against shape": (
        spins(3, 4, 5, 5),
        {"shape": (5, 5), "chains": 2},
        "holds 3 chains, got chains=2",
    ),
    "model": (SPINS, {"model": "o3", "coupling": 1.0}, "known model is ising"),
    "model of angles": (SPINS, {"model": "xy", "coupling": 1.0}, "alphabet .angle."),
    "no coupling": (SPINS, {"model": "ising"}, "give both or neither"),
    "no model": (SPINS, {"coupling": 0.4}, "give both or neither"),
    "coupling": (SPINS, {"model": "ising", "coupling": np.inf}, "is finite"),
    "real ising": (
        SPINS,
        {"alphabet": "real", "model": "ising", "coupling": 0.4},
        "leave out the model",
    ),
    "ising without sites": (
        spins(3, 9),
        {"shape": Unordered(9), "model": "ising", "coupling": 0.4},
        "leave out the model",
    ),
    "name of an array": (SPINS, {"dataset": "spins"}, "leave out its name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case):
    source, options, words = REFUSED[case]
    with pytest.raises(ValueError, match=words) as caught:
        open_foreign(source, **options)
    assert "\n" not in str(caught.value)


def cut(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def text(path, lines):
    path.write_text("\n".join(lines))
    return path


def pickled(path):
    path.write_bytes(pickle.dumps(SPINS))
    return path


def objects(path):
    np.save(path, np.array([None, 1]), allow_pickle=True)
    return path


def object_archive(path):
    np.savez(path, allow_pickle=True, spins=np.array([None, 1]))
    return path


def checkpoint(path):
    torch.save({"spins": torch.from_numpy(SPINS)}, path)
    return path


def several(path):
    np.savez(path, cold=SPINS, hot=-SPINS)
    return path


def groups(path, *names):
    with h5py.File(path, "w") as file:
        for name in names:
            file[name] = SPINS
        file["names"] = "text"
    return path


def empty_archive(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no arrays")
    return path


def latin(path):
    path.write_bytes("größe\n1 1\n".encode("latin-1"))
    return path


def zeros(path):
    path.write_bytes(bytes(4096))
    return path


BAD_FILES = {
    "missing": (lambda p: p / "mine.npy", "there is no file"),
    "folder": (lambda p: p, "got the folder"),
    "empty npy": (lambda p: text(p / "mine.npy", []), "is empty"),
    "empty text": (lambda p: text(p / "mine.txt", []), "is empty"),
    "comments only": (lambda p: text(p / "mine.txt", ["# 1", ""]), "without numbers"),
    "cut npy": (lambda p: cut(as_npy(p / "mine", SPINS)), "cut short or damaged"),
    "cut header": (lambda p: cut(as_npy(p / "mine", SPINS), 0.05), "cut short|damaged"),
    "cut magic": (lambda p: cut(as_npy(p / "mine", SPINS), 0.01), "does not begin"),
    "cut npz": (lambda p: cut(as_npz(p / "mine", SPINS)), "cut short or damaged"),
    "cut hdf5": (lambda p: cut(as_hdf5(p / "mine", SPINS)), "cut short or damaged"),
    "zeros": (lambda p: zeros(p / "mine.h5"), "does not begin like a .h5"),
    "binary": (lambda p: zeros(p / "mine.dat"), "neither .npy"),
    "ragged": (lambda p: text(p / "mine.txt", ["1 1", "1"]), "columns changed"),
    "latin": (lambda p: latin(p / "mine.txt"), "neither .npy"),
    "words": (lambda p: text(p / "mine.csv", ["up,down"]), "could not convert"),
    "nan text": (lambda p: text(p / "mine.txt", ["1 nan", "1 1"]), "got nan"),
    "text of 3": (lambda p: text(p / "mine.txt", ["1 3", "1 1"]), "got 3"),
    "pickle": (lambda p: pickled(p / "mine.pkl"), "np.save and a numeric dtype"),
    "pickle as npy": (lambda p: pickled(p / "mine.npy"), "looks like a pickle"),
    "objects": (lambda p: objects(p / "mine.npy"), "np.save and a numeric dtype"),
    "objects npz": (lambda p: object_archive(p / "mine.npz"), "numeric dtype"),
    "torch.save": (lambda p: checkpoint(p / "mine.pt"), "numeric dtype"),
    "several": (lambda p: several(p / "mine.npz"), "holds: cold, hot; name one"),
    "several h5": (lambda p: groups(p / "mine.h5", "a", "g/b"), "holds: a, g/b; name"),
    "nothing": (lambda p: groups(p / "mine.h5"), "holds: none"),
    "no arrays": (lambda p: empty_archive(p / "mine.npz"), "without NumPy arrays"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_get_one_sentence_with_their_name(case, tmp_path):
    make, words = BAD_FILES[case]
    path = make(tmp_path)
    with pytest.raises(ValueError, match=words) as caught:
        open_foreign(path, shape=(2,) if path.suffix in (".txt", ".csv") else None)
    sentence = str(caught.value)
    assert path.name in sentence
    assert "\n" not in sentence


def test_an_array_among_several_is_found_by_name(tmp_path):
    archive = several(tmp_path / "mine.npz")
    assert np.array_equal(open_foreign(archive, dataset="hot").values[0], -SPINS)
    file = groups(tmp_path / "mine.h5", "a", "g/b")
    for name in ("g/b", "/g/b"):
        assert open_foreign(file, dataset=name).size == 12
    with pytest.raises(ValueError, match="no array 'c', it holds: a, g/b"):
        open_foreign(file, dataset="c")
    data = xarray.Dataset(dict.fromkeys("ab", (("n", "x", "y"), SPINS)))
    with pytest.raises(ValueError, match="holds: a, b"):
        open_foreign(data)
    assert open_foreign(data, dataset="a").size == 12


class Trap:
    """Ends the interpreter when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


TRAPS = {
    "mine.npy": lambda path: np.save(path, np.array([Trap()]), allow_pickle=True),
    "mine.npz": lambda path: np.savez(path, spins=np.array([Trap()])),
    "mine.pkl": lambda path: path.write_bytes(pickle.dumps(Trap())),
}


def unpickle(path):
    found = np.load(path, allow_pickle=True)
    with found:
        return found["spins"]


@pytest.mark.parametrize("name", TRAPS)
def test_nothing_is_unpickled(name, tmp_path):
    TRAPS[name](tmp_path / name)
    with pytest.raises(ValueError, match="numeric dtype"):
        open_foreign(tmp_path / name)


@pytest.mark.parametrize("name", TRAPS)
def test_control_the_traps_work(name, tmp_path):
    TRAPS[name](tmp_path / name)
    with pytest.raises(SystemExit):
        unpickle(tmp_path / name)
