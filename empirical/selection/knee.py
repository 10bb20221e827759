"""Where the fall of the training error slows: the knee of its curve, found while the curve is still being drawn.

Kneedle (Satopaa et al. 2011) takes the point farthest below a chord. Here the chord is known from the start: from chance at step 0 to an
error of 0 at the end of the early budget B. With the error smoothed by a centred running mean e(t), the knee is the greatest

    D(t) = chance (1 - t / B) - e(t)

so from there on the error falls more slowly than would bring it from chance to 0 within the budget. For chance exp(-t / s) that is
t = s ln(B / s), where the error is chance s / B. Training stops once a tenth of the budget has brought no greater D, and goes back to
the knee. A good budget is the time the full run spends at its first learning rate: 100 of the paper's 200 epochs.

Outputs tell slow from fast while some examples are learned and others are not, so a knee is looked for only where the smoothed error is
at most three quarters of chance, and the curve ends, knee or not, once a measured error is at most ``floor``.

Early training measures the class-balanced error, the mean over the classes of the error in each. Its chance is 1 - 1/C whatever the
balance of the C classes; the plain error of a network that calls everything by the name of the largest class may be below any floor.
"""

from __future__ import annotations

HALF = 2  # measurements on either side that the running mean takes in, fewer at the ends: as many on both sides
PATIENCE = 0.1  # of the budget
CEILING = 0.75  # of chance


class NoKnee(ValueError):
    """The network learned too little within its budget."""


class Knee:
    """Fed with measurements in the order of time. chance: error of the best constant guess, (0, 1); budget: of any unit; floor: [0, 1)."""

    def __init__(self, chance: float, budget: float, floor: float = 0.0) -> None:
        self.chance, self.budget, self.floor = chance, budget, floor
        self.times, self.errors = [0.0], [chance]
        self.best: tuple[float, float] | None = None  # D, time

    def add(self, time: float, error: float) -> bool:
        """One more measurement; whether it was the last that is needed."""
        self.times.append(time)
        self.errors.append(error)
        last = len(self.times) - 1
        ended = error <= self.floor or time >= self.budget
        for i in range(max(1, last - HALF), (last if ended else last - HALF) + 1):
            self._judge(i)
        return ended or (self.best is not None and time - self.best[1] >= PATIENCE * self.budget)

    @property
    def open(self) -> set[float]:
        """Times that may still turn out to be the knee: what belongs to them must be kept."""
        return {*self.times[-HALF:], *([self.best[1]] if self.best else [])} - {0.0}

    def knee(self) -> float:
        """The knee's time, one of those added; at the end, or once ``add`` has said so. Raises NoKnee if the error stayed near chance."""
        if self.best is None:
            raise NoKnee(
                f"the class-balanced training error is {self.errors[-1]:.3f} at the end of the early budget, and chance is "
                f"{self.chance:.3f}; allowed: at most {CEILING * self.chance:.3f} by then: raise early.epochs, or early.limit where it is "
                "not given"
            )
        return self.best[1]

    def _judge(self, i: int) -> None:
        half = min(HALF, i, len(self.times) - 1 - i)
        around = self.errors[i - half : i + half + 1]
        smooth = sum(around) / len(around)
        if smooth > CEILING * self.chance:
            return
        depth = self.chance * (1 - self.times[i] / self.budget) - smooth
        if self.best is None or depth > self.best[0]:
            self.best = (depth, self.times[i])
