"""What the code of a user may not do: one sentence each, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coarse.children import Warm
from safetensors.torch import save_file

import kadanoff
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.foreign import TorchRule, torch_rule
from kadanoff.coarse.user import process
from kadanoff.coarse.user.child import GRACE
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid

FINE = Grid((6, 6))
BAD = """
import os
import sys
import time

import torch
from torch import nn

net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
number = 3


class Needs(nn.Module):
    def __init__(self, hidden):
        super().__init__()


def fails():
    raise RuntimeError("not today")


def makes():
    return 5


def two(x, y):
    return x


def raises(x):
    if len(x):
        raise ValueError("no\\nthree channels here")


def leaves(x):
    sys.exit("enough")


def hangs(x):
    open(__file__ + ".pid", "w").write(str(os.getpid()))
    while True:
        time.sleep(0.01)


def nan(x):
    return x / (x - 1)


def infinite(x):
    return x.double() * 1e300


def in_place(x):
    return x.mul_(2) / 2


def reshapes(x):
    x.resize_(0)
    return torch.zeros(3, 2)


def fewer(x):
    return x[1:]


def one_number(x):
    return x.sum()


def a_tuple(x):
    return x, x


def nothing(x):
    pass


def complex_values(x):
    return x + 1j


def cut(x):
    return x[:, :, :4, :4]


def skewed(x):
    return x[:, :, ::2, ::3]


def rows(x):
    return x.reshape(len(x), 1, 1, 6, 6)


def empty(x):
    return x[:, :, :0]


def larger(x):
    return x.repeat(1, 1, 2, 2)


def ties(x):
    return (x[:, :, ::2] + x[:, :, 1::2]).sign()[..., ::2]


def halves(x):
    return (x + 1) / 2


def scores(x):
    return 3 * x


def moody(x):
    return x if len(x) == 3 else x[:, :, ::2, ::2]


def ends(x):
    print("my last words", flush=True)
    os._exit(7)


def killed(x):
    os.kill(os.getpid(), 9)


def crashes(x):
    os.kill(os.getpid(), 11)


def shouts(x):
    for _ in range(4000):
        print("x" * 1000)
        print("y" * 1000, file=sys.stderr)
    os.system("echo from a program of its own")
    print(input() if False else "", flush=True)
    return x


def asks(x):
    return x if input() else x


def meddles(x):
    for number in range(3, 20):
        try:
            os.write(number, b"rubbish" + bytes([10]))
        except OSError:
            pass
    return x
"""


def line(text):
    """Number of the line of BAD that has this text in it."""
    return BAD[: BAD.index(text)].count("\n") + 1


REFUSED = {
    "number": "is a int; name a torch module, what makes one",
    "Needs": "needs arguments; name a function without any that makes the module",
    "fails": rf"raised RuntimeError: not today \(line {line('not today')} of",
    "makes": "makes a int where a torch module is needed",
    "two": "needs arguments",
    "missing": "has no 'missing' in it; it has net, Needs, fails, makes, two",
    "raises": rf"ValueError: no three channels here \(line {line('three channels')} of",
    "leaves": "raised SystemExit: enough",
    "nan": r"puts out NaN or infinities \(\d+ of 108 of its values\)",
    "infinite": r"puts out NaN or infinities \(all of its values\)",
    "in_place": "changes its input in place; let it begin with a copy",
    "reshapes": "changes its input in place",
    "fewer": r"an array of shape \(2, 1, 6, 6\) for 3 configurations",
    "one_number": r"an array of shape \(\) for 3 configurations",
    "a_tuple": "puts out a tuple, not one array or tensor",
    "nothing": "puts out a NoneType, not one array or tensor",
    "complex_values": "puts out values of type complex64; let it put out numbers",
    "cut": r"one whole number in all directions, got 6/4, 6/4, from shape \(6, 6\) to",
    "skewed": r"got 6/3, 6/2, from shape \(6, 6\) to \(3, 2\); change its",
    "rows": r"has to put out \(n, \*lattice\).*got an array of shape \(n, 1, 1, 6, 6\)",
    "empty": r"got an array of shape \(n, 1, 0, 6\); read it at another layer",
    "larger": r"got 6/12, 6/12, from shape \(6, 6\) to \(12, 12\)",
    "ties": r"puts out 0 \(sign\(0\) is 0: a tie needs a coin\), which is no spin",
    "halves": "which is no spin of ±1; say what its output means: output=prob draws",
    "scores": "puts out -?3, which is no spin of ±1;.* output=logit draws",
    "asks": "raised EOFError",
}


@pytest.fixture(scope="module")
def warm():
    child = Warm()
    yield child
    child.stop()


@pytest.fixture
def file(tmp_path, warm, monkeypatch):
    monkeypatch.setattr(process, "Child", warm)
    path = tmp_path / "bad.py"
    path.write_text(BAD)
    return path


def spins(n):
    draws = np.random.default_rng(0).choice([-1, 1], (n, *FINE.shape))
    return draws.astype(np.int8)


def apply(rule, n=5):
    return rule(spins(n), FINE, rng=np.random.default_rng(1))


def refusal(rule, n=5):
    """The sentence with which the rule refuses."""
    with pytest.raises(ValueError, match=r".*") as caught:
        apply(rule, n)
    said = str(caught.value)
    assert said.startswith(f"rule '{rule.text}' ")
    assert "\n" not in said
    return said


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_said_in_one_sentence(file, name):
    with pytest.raises(ValueError, match=REFUSED[name]):
        TorchRule(file, name).coarse(FINE)
    assert refusal(TorchRule(file, name))


def test_a_good_map_is_not_refused(file):
    out = apply(TorchRule(file, "halves", output="prob"))
    np.testing.assert_array_equal(out, spins(5))


def test_probabilities_and_shapes_are_checked(file):
    said = refusal(TorchRule(file, "scores", output="prob"))
    assert "which is no probability; say what its output means" in said
    said = refusal(TorchRule(file, "moody"))
    assert "puts out shape (1, 3, 3) for one batch and (1, 6, 6) for another" in said


def test_layers_and_maps_that_are_not_there(file):
    kinds: dict[str, Any] = {"output": "mean"}
    said = refusal(TorchRule(file, "net", "2", **kinds))
    assert "has no layer '2'; its layers are 0, 1" in said
    said = refusal(TorchRule(file, "net", "1#1", **kinds))
    assert "runs its layer '1' 1 times in one pass and was asked for '1#1'" in said
    said = refusal(TorchRule(file, "scores", "1", **kinds))
    assert "is a function and has no layers" in said
    said = refusal(TorchRule(file, "scores", map=1, **kinds))
    assert "has 1 feature maps, numbered from 0, and was asked for map=1" in said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import torch\nimport nowhere\n", "No module named 'nowhere' (line 2 of the"),
        ("def broken(:\n", "cannot be imported: SyntaxError: invalid syntax"),
        ("raise SystemExit(3)\n", "cannot be imported: SystemExit: 3 (line 1"),
    ],
)
def test_a_file_that_cannot_be_imported(file, source, said):
    file.write_text(source)
    assert said in refusal(TorchRule(file, "net"))


def test_weights_that_cannot_be_used(file, tmp_path):
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 5), torch.nn.ReLU())
    torch.save(net.state_dict(), tmp_path / "other.pt")
    torch.save(net, tmp_path / "whole.pt")
    torch.save([1.0], tmp_path / "list.pt")
    save_file({"x": torch.ones(2)}, tmp_path / "x.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x20\0\0\0\0\0\0\0{")
    (tmp_path / "cut.pt").write_bytes(b"PK\x03\x04")
    for name, said in {
        "other.pt": "does not fit the weights in .*size mismatch for 0.weight",
        "whole.pt": "full pickle; pickles can run code and are not read: write the",
        "list.pt": "needs the weights by name, got a list",
        "x.safetensors": "does not fit the weights in .*Missing key.*0.weight",
        "cut.safetensors": "cannot read the weights in .*cut.safetensors",
        "cut.pt": "which is damaged or a full pickle",
    }.items():
        with pytest.raises(ValueError, match=said):
            TorchRule(file, "net", weights=tmp_path / name).coarse(FINE)
    with pytest.raises(ValueError, match="is a function and takes no weights"):
        TorchRule(file, "scores", weights=tmp_path / "other.pt").coarse(FINE)


def test_a_pickle_that_runs_code_does_not_run_it(file, tmp_path):
    evil = b"cos\nsystem\n(S'touch " + os.fsencode(tmp_path / "ran") + b"'\ntR."
    (tmp_path / "evil.pt").write_bytes(evil)
    said = refusal(TorchRule(file, "net", weights=tmp_path / "evil.pt"))
    assert "pickles can run code and are not read" in said
    assert not (tmp_path / "ran").exists()


def test_what_is_printed_does_not_disturb_the_answers(file):
    np.testing.assert_array_equal(apply(TorchRule(file, "shouts")), spins(5))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ends", "ended its own process (exit status 7); the last it printed: my last"),
        ("killed", "was killed, as happens where memory runs out"),
        ("crashes", "was killed by signal 11"),
    ],
)
@pytest.mark.slow
def test_a_child_that_dies(file, name, said):
    assert said in refusal(TorchRule(file, name))


def gone(pid, seconds=3.0):
    """Whether the process ends in that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
def test_an_import_that_hangs_is_stopped_in_time(file):
    file.write_text("import time\ntime.sleep(100)\n")
    assert "gave no answer within 1 s" in refusal(TorchRule(file, "net", limit=1))


def test_the_total_of_all_batches_is_limited(file):
    file.write_text("import time\ndef slow(x):\n    time.sleep(0.1)\n    return x\n")
    rule = TorchRule(file, "slow", total=100)
    rule.coarse(FINE)  # four passes
    process = rule._process
    assert 0.4 <= 100 - process._left < 50
    process._left = 0.0
    assert "has used its 100 s for all batches together" in refusal(rule)


@pytest.mark.slow
def test_meddling_with_the_pipes_ends_the_child_and_not_the_parent(file):
    with pytest.raises(ValueError, match="rule 'torch:"):
        apply(TorchRule(file, "meddles"))


RESTS = """
import os
def maps(x):
    open(__file__ + ".pid", "w").write(str(os.getpid()))
    return x
"""
COMPUTES = RESTS.replace("return x", "while True: pass")
PARENT = """
import sys, time
from kadanoff.coarse.foreign import TorchRule
from kadanoff.geometry import Grid
TorchRule(sys.argv[1], "maps", limit=float(sys.argv[2])).coarse(Grid((6, 6)))
time.sleep(100)
"""


@pytest.mark.parametrize(
    ("source", "how", "limit"),
    [
        (COMPUTES, signal.SIGINT, 60),
        pytest.param(RESTS, signal.SIGINT, 60, marks=pytest.mark.slow),
        pytest.param(RESTS, signal.SIGKILL, 60, marks=pytest.mark.slow),
        pytest.param(COMPUTES, signal.SIGKILL, 2, marks=pytest.mark.slow),
    ],
    ids=["computes", "rests", "rests, killed", "computes, killed"],
)
def test_no_child_outlives_its_parent(file, source, how, limit):
    """Ctrl-C; and a parent that is killed, where the alarm ends what computes."""
    file.write_text(source)
    environment = {**os.environ, "PYTHONPATH": str(Path(kadanoff.__file__).parents[1])}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(file), str(limit)],
        env=environment,
        stderr=subprocess.PIPE,
    )
    written = Path(f"{file}.pid")
    while parent.poll() is None and not (written.exists() and written.read_text()):
        time.sleep(0.02)
    child = int(written.read_text())
    time.sleep(0.2)
    parent.send_signal(how)
    _, said = parent.communicate(timeout=20)
    assert parent.returncode == -how
    assert (b"KeyboardInterrupt" in said) == (how == signal.SIGINT)
    assert gone(child, seconds=limit + GRACE + 3)
    assert sorted(p.name for p in file.parent.iterdir()) == ["bad.py", "bad.py.pid"]


def test_an_error_ends_the_child(file, warm, monkeypatch):
    ended = []
    monkeypatch.setattr(warm, "end", lambda: ended.append("ended"), raising=False)
    TorchRule(file, "halves", output="prob").coarse(FINE)
    assert not ended
    refusal(TorchRule(file, "fails"))
    assert ended == ["ended"]


@pytest.mark.slow
def test_an_error_leaves_no_child(file, monkeypatch):
    monkeypatch.undo()  # a child of its own
    file.write_text(RESTS.replace("return x", "return 1 / 0"))
    with pytest.raises(ValueError, match="raised ZeroDivisionError") as caught:
        TorchRule(file, "maps").coarse(FINE)
    assert caught.traceback  # which holds on to the rule
    assert gone(int(Path(f"{file}.pid").read_text()))


@pytest.mark.slow
def test_a_rule_that_is_closed_or_forgotten_leaves_no_child(file, monkeypatch):
    monkeypatch.undo()
    file.write_text(RESTS)
    for end in (TorchRule.close, lambda _: None):
        rule = TorchRule(file, "maps")
        rule.coarse(FINE)
        child = int(Path(f"{file}.pid").read_text())
        assert not gone(child, seconds=0.1)
        end(rule)
        del rule
        assert gone(child)


def test_ensembles_of_other_alphabets_and_cells_are_refused(file):
    rule = TorchRule(file, "halves", output="prob")
    potts = Ensemble.from_values(np.ones((1, 4, 6, 6)), alphabet="potts:3")
    with pytest.raises(ValueError, match="needs ±1 spins or real values"):
        coarsen(rule, potts)
    two_to_a_cell = Grid((3, 3), cell=((0.0, 0.0), (0.3, 0.3)))
    with pytest.raises(ValueError, match=r"one site per cell|has to put out"):
        rule.coarse(two_to_a_cell)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"output": "coin"}, "output is one of spin, logit, prob, mean, got 'coin'"),
        ({"input": "chw"}, "input is one of nchw, flat, got 'chw'"),
        ({"encoding": "0/1"}, "alphabet is one of pm1, 01, got '0/1'"),
        ({"map": -1}, "feature maps are numbered from 0, got -1"),
        ({"layer": "pool#x"}, "NAME#1 for its second run in one pass, got 'pool#x'"),
        ({"weights": "nowhere.pt"}, "nowhere.pt: no such file; give the file of the w"),
        ({"limit": 0}, "limit is a number of seconds above 0 and up to 1e+06, got 0"),
        (
            {"total": float("nan")},
            "total is a number of seconds above 0 and up to 1e+06",
        ),
        (
            {"function": ""},
            "a network is a function in a file, got function '' in file",
        ),
        ({"file": "nowhere.py"}, "nowhere.py: no such file; give the file of the code"),
    ],
)
def test_options_that_there_are_not(file, options, said):
    with pytest.raises(ValueError, match=r".*") as caught:
        TorchRule(**({"file": file, "function": "net"} | options))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("place", "options", "said"),
    [
        (
            "net.py",
            {},
            "rule 'torch' is torch:FILE.py:FUNCTION@layer, got 'torch:net.py'",
        ),
        ("{}:net", {"weight": "w"}, "rule 'torch' takes weights, input, alphabet"),
        ("{}:net", {"map": "x"}, "rule 'torch' takes a number for map, got 'x'"),
        ("{}:net", {"output": "x"}, "output is one of spin"),
    ],
)
def test_text_that_is_no_rule(file, place, options, said):
    with pytest.raises(ValueError, match=said):
        torch_rule(place.format(file), options)


def test_a_child_that_hangs_is_stopped_in_time(file):
    rule = TorchRule(file, "hangs", limit=1)
    TorchRule(file, "halves", output="prob").coarse(FINE)  # a child that is ready
    start = time.monotonic()
    said = refusal(rule)
    assert time.monotonic() - start < 4
    assert "gave no answer within 1 s and was stopped; give it more time" in said
    assert gone(int(Path(f"{file}.pid").read_text()))
