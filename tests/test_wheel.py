"""The wheel, built and put elsewhere, runs without the source tree."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_built_wheel_runs_elsewhere(tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    subprocess.run(
        [*build, "--outdir", str(tmp_path / "dist"), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    elsewhere = tmp_path / "elsewhere"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index"]
    subprocess.run(
        [*install, "--quiet", "--target", str(elsewhere), str(wheel)], check=True
    )
    environment = {**os.environ, "PYTHONPATH": str(elsewhere)}

    where = subprocess.run(
        [sys.executable, "-c", "import kadanoff; print(kadanoff.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(elsewhere)

    command = "exact ising --shape 4 4 --coupling 0.440686793509772 --json"
    shown = subprocess.run(
        [sys.executable, "-m", "kadanoff", *command.split()],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert abs(json.loads(shown.stdout)["log_partition"] - 15.521915458755) < 1e-10
