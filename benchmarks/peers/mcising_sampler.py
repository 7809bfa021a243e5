"""mcising on one lattice: seconds, energies and m² of every measurement, as JSON.

SIDE MEASUREMENTS SWEEPS_BETWEEN TEMPERATURE ALGORITHM
"""

import json
import sys
import time

import mcising
import numpy as np

side, measurements, between = map(int, sys.argv[1:4])
temperature, algorithm = float(sys.argv[4]), sys.argv[5]
simulation = mcising.IsingSimulation(side, 1.0, 0.0, 0.0, 0.0, 7, algorithm=algorithm)
if algorithm == "wolff":  # from a hot start single clusters would take an age
    simulation.set_spins(np.ones_like(simulation.get_spins()))
warm = 2000 if algorithm == "wolff" else 200
simulation.sweep(measurements * between // 4 + warm, temperature=temperature)
energies, m_squared, seconds, turned = [], [], 0.0, 0
for _ in range(measurements):
    started = time.perf_counter()
    accepted, _, _ = simulation.sweep(between, temperature=temperature)
    seconds += time.perf_counter() - started
    turned += accepted
    energies.append(simulation.energy())  # per site
    m_squared.append(simulation.magnetization() ** 2)
print(
    json.dumps(
        {
            "seconds": seconds,
            "sweeps": measurements * between,
            "turned": turned,
            "energies": energies,
            "m_squared": m_squared,
        }
    )
)
