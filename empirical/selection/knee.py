"""Find where the fall of the training error slows, the knee of its curve, during training.

Kneedle (Satopaa et al. 2011) takes the point that lies farthest below a chord. Here the chord is
known from the start: from chance at step 0 to an error of 0 at the end of the early budget B. With
e(t) the error smoothed by a centred running mean, the knee is the t of greatest

    D(t) = chance (1 - t / B) - e(t),

after which the error falls more slowly than would bring it from chance to 0 within the budget. For
e(t) = chance exp(-t / s) the knee is t = s ln(B / s), where the error is chance s / B. Training
stops once D has not grown for a tenth of the budget, and goes back to the knee. A good budget is
the time that the full run spends at its first learning rate: 100 of the paper's 200 epochs.

Outputs tell slow from fast examples while some examples are learned and others are not. So a knee
counts only where the smoothed error is at most three quarters of chance, and the curve ends, with
or without a knee, once a measured error is at most ``floor``.

Early training measures the class-balanced error, the mean of the classes' errors. Its chance is
1 - 1/C whatever the sizes of the C classes. The plain error of a network that always names the
largest class may lie below any floor.
"""

from __future__ import annotations

HALF = 2  # measurements on either side in the running mean; fewer near the ends, equally many
PATIENCE = 0.1  # fraction of the budget
CEILING = 0.75  # fraction of chance


class NoKnee(ValueError):
    """The network learned too little within its budget."""


class Knee:
    """A search for the knee that is fed with measurements in the order of time.

    chance: error of the best constant guess, in (0, 1). budget: in any unit of time. floor: the
    error at which the curve ends, in [0, 1).
    """

    def __init__(self, chance: float, budget: float, floor: float = 0.0) -> None:
        self.chance = chance
        self.budget = budget
        self.floor = floor
        self.times = [0.0]
        self.errors = [chance]
        self.best: tuple[float, float] | None = None  # the greatest D so far, and its time

    def add(self, time: float, error: float) -> bool:
        """Add a measurement; return whether no more are needed."""
        self.times.append(time)
        self.errors.append(error)
        last = len(self.times) - 1
        ended = error <= self.floor or time >= self.budget
        for i in range(max(1, last - HALF), (last if ended else last - HALF) + 1):
            self._judge(i)
        return ended or (self.best is not None and time - self.best[1] >= PATIENCE * self.budget)

    @property
    def candidates(self) -> set[float]:
        """Times that may still become the knee; the caller keeps the weights of these times."""
        best = [self.best[1]] if self.best else []
        return {*self.times[-HALF:], *best} - {0.0}

    def knee(self) -> float:
        """Return the time of the knee, which is one of the times added.

        Call it once ``add`` has returned True. Raises NoKnee if the error stayed near chance.
        """
        if self.best is None:
            raise NoKnee(
                f"the class-balanced training error is {self.errors[-1]:.3f} at the end of the "
                f"early budget, and chance is {self.chance:.3f}; "
                f"allowed: at most {CEILING * self.chance:.3f} by then: "
                "raise early.epochs, or early.limit where it is not given"
            )
        return self.best[1]

    def _judge(self, i: int) -> None:
        """Compare D at measurement i with the greatest so far."""
        half = min(HALF, i, len(self.times) - 1 - i)
        around = self.errors[i - half : i + half + 1]
        smooth = sum(around) / len(around)
        if smooth > CEILING * self.chance:
            return
        depth = self.chance * (1 - self.times[i] / self.budget) - smooth
        if self.best is None or depth > self.best[0]:
            self.best = (depth, self.times[i])
