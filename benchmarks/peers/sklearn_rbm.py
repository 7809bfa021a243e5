"""scikit-learn's BernoulliRBM: processor milliseconds per update, a line per line.

Its update is PCD-1 with float32 data and weights, and has the same five products.
"""

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
for _ in sys.stdin:
    started = time.process_time()
    for _ in range(updates):
        machine.partial_fit(data)
    spent = (time.process_time() - started) / updates * 1e3
    print(json.dumps({"ms": spent}), flush=True)
