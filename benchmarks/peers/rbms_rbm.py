"""The package rbms: processor milliseconds per CD-1 update, a line per line of stdin.

What `rbms.training.pcd.train` does in an update of `--training_type cd`, with its own
functions and the defaults of its command line (centred gradient, float32); without the
file it writes to after every update.
"""

import json
import sys
import time

import torch
from rbms.bernoulli_bernoulli.classes import BBRBM
from rbms.training.pcd import fit_batch_pcd
from torch.optim import SGD

visible, hidden, batch, updates = map(int, sys.argv[1:5])
torch.set_num_threads(1)
torch.manual_seed(0)
data = torch.randint(0, 2, (batch * updates, visible)).float()
weights = torch.ones(len(data), 1)
machine = BBRBM(
    0.01 * torch.randn(visible, hidden), torch.zeros(visible), torch.zeros(hidden)
)
machine.init_grad()
optimizer = SGD(machine.parameters(), lr=0.01, maximize=True)


def update() -> None:
    """One pass through the body of the trainer's loop."""
    chosen = torch.randperm(len(data))[:batch]
    v, w = data[chosen], weights[chosen]
    chains = machine.init_chains(len(v), weights=w, start_v=v)
    optimizer.zero_grad(set_to_none=False)
    fit_batch_pcd((v, w), chains, machine, gibbs_steps=1, beta=1.0)
    optimizer.step()


with torch.no_grad():
    for _ in range(5):  # its functions are compiled when first called
        update()
    for _ in sys.stdin:
        started = time.process_time()
        for _ in range(updates):
            update()
        spent = (time.process_time() - started) / updates * 1e3
        print(json.dumps({"ms": spent}), flush=True)
