"""mcising's Metropolis on one lattice: seconds, flips and energies as JSON."""

import json
import sys
import time

import mcising

side, sweeps, temperature = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
simulation = mcising.IsingSimulation(side, 1.0, 0.0, 0.0, 0.0, 7)
simulation.sweep(max(200, sweeps // 4), temperature=temperature)
energies, seconds = [], 0.0
for _ in range(50):
    started = time.perf_counter()
    simulation.sweep(sweeps // 50, temperature=temperature)
    seconds += time.perf_counter() - started
    energies.append(simulation.energy())  # per site
print(
    json.dumps(
        {
            "flips_per_ns": sweeps // 50 * 50 * side**2 / seconds / 1e9,
            "energies": energies,
        }
    )
)
