"""scikit-learn's BernoulliRBM: milliseconds per update as JSON."""

import json
import sys
import time

import numpy as np
from sklearn.neural_network import BernoulliRBM

visible, hidden, batch, updates = map(int, sys.argv[1:5])
rng = np.random.default_rng(0)
data = rng.integers(0, 2, (batch, visible)).astype(np.float32)
machine = BernoulliRBM(n_components=hidden, batch_size=batch, random_state=0)
machine.partial_fit(data)
started = time.perf_counter()
for _ in range(updates):
    machine.partial_fit(data)
print(json.dumps({"ms": (time.perf_counter() - started) / updates * 1e3}))
