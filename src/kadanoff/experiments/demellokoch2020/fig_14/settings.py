"""How much is done for figure 14."""

from __future__ import annotations

from dataclasses import dataclass

from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020 import fig_2, thermometer
from kadanoff.experiments.demellokoch2020.fig_14.stacks import Form
from kadanoff.experiments.demellokoch2020.flow import Learning
from kadanoff.experiments.demellokoch2020.thermometer import Calibration

__all__ = ["FAST", "FULL", "Settings"]


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the input lattice.
        form: of the stacks; there are as many block steps as machines in a stack.
        inputs: temperatures below, at and above T_c, in J/k_B.
        deviation: ε, relative, of the pair of temperatures around T_c.
        hotter: temperatures from which block spins alone are read, increasing.
        draws: configurations that are read, at every temperature.
        training: configurations at T_c that every stack is trained on.
        fit: configurations at T_c that units are arranged by, others for every seed.
        seeds: starting points of every stack.
        classes: temperatures that a classifier tells apart.
        lessons: configurations at each of them.
        machines: of the flow.
        learning: of each, as in section III.
        calibration: of the network that reads the flow, that of fig. 3.
        flow_draws: configurations that flow from each temperature, of each machine.
        flow_inputs: temperatures that the flow starts from, in J/k_B.
        flow_steps: lengths at which it is read; 26 is the paper's.
    """

    side: int
    form: Form
    draws: int
    training: int
    fit: int
    seeds: int
    classes: int
    lessons: int
    machines: int
    learning: Learning
    calibration: Calibration
    flow_draws: int
    inputs: tuple[float, float, float] = (2.1, T_C, 2.5)
    deviation: float = 0.01
    hotter: tuple[float, ...] = (2.75, 3.0, 3.5, 5.0)
    flow_inputs: tuple[float, ...] = (0.5, T_C, 5.0)
    flow_steps: tuple[int, ...] = (0, 1, 3, 9, 26)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """All that are read, increasing."""
        pair = (T_C * (1 - self.deviation), T_C * (1 + self.deviation))
        return tuple(sorted((*self.inputs, *pair)))

    @property
    def sides(self) -> tuple[int, ...]:
        """Of all levels."""
        return tuple(self.side // 2**n for n in range(self.form.steps + 1))


FAST = Settings(
    side=16,
    form=Form(steps=2, epochs=8, batch=64),
    draws=1024,
    training=1024,
    fit=2048,
    seeds=2,
    classes=4,
    lessons=768,
    machines=1,
    learning=fig_2.FAST.plan.learning,
    calibration=thermometer.FAST,
    flow_draws=512,
)
FULL = Settings(
    side=64,
    # 768 updates: on 32×32 units by the local recipe end on some ten sites with 1250.
    form=Form(steps=3, epochs=8, batch=64),
    draws=20_480,  # s_3/s_2 of majority to 1 %
    training=6144,  # two minutes for each of ten stacks
    fit=81_920,  # 4096 put a third of exact block spins on 32×32 in place
    seeds=5,
    classes=13,
    lessons=8192,
    machines=5,
    learning=fig_2.FULL.plan.learning,
    calibration=thermometer.FULL,
    flow_draws=2048,
)
