"""peapods' Metropolis on one lattice: seconds and energies as JSON.

SIDE SWEEPS TEMPERATURE
"""

import json
import sys
import time

import numpy as np
from peapods import Ising

side, sweeps, temperature = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
temperatures = np.array([temperature], dtype=np.float32)
model = Ising((side, side), temperatures=temperatures)  # always the same numbers
model.sample(max(200, sweeps // 4), sequential=True)
energies, seconds = [], 0.0
for _ in range(20):
    started = time.perf_counter()
    model.sample(sweeps // 20, sequential=True, warmup_ratio=0.0)
    seconds += time.perf_counter() - started
    energies.append(-float(model.energies_avg[0]))
print(
    json.dumps({"seconds": seconds, "sweeps": sweeps // 20 * 20, "energies": energies})
)
