"""Test FID and KID: closed forms, another implementation, and no bias."""

import numpy as np
import pytest

from empirical.generation.quality.fid_kid import fid, kid, squared_mmd
from empirical.runtime.seeding import stream


def draw(n, d, *purpose):
    return stream(0, *purpose).standard_normal((n, d))


@pytest.mark.parametrize(("n", "d"), [(40, 8), (8, 40)])
def test_of_equal_sets_fid_is_nothing_and_a_shift_counts_by_its_square(n, d):
    x = draw(n, d, "a")
    assert fid(x, x).value == pytest.approx(0, abs=1e-9)
    shift = np.linspace(0, 1, d)
    assert fid(x, x + shift).value == pytest.approx(shift @ shift)
    assert fid(x, x + shift).n == (n, n)


def test_fid_of_a_scaled_set_and_of_the_definition():
    from scipy.linalg import sqrtm

    x = draw(60, 5, "a")
    y = draw(80, 5, "b") @ draw(5, 5, "c")
    a = np.cov(x.T)
    b = np.cov(y.T)
    shift = x.mean(0) - y.mean(0)
    assert fid(x, y).value == pytest.approx(
        shift @ shift + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    )
    centred = x - x.mean(0)
    assert fid(centred, 3 * centred).value == pytest.approx(4 * np.trace(a))  # (3 - 1)^2


def test_kid_is_the_definition_and_a_permutation_does_not_matter():
    x = draw(7, 3, "a")
    y = draw(9, 3, "b")
    k = lambda u, v: (u @ v / 3 + 1) ** 3  # noqa: E731
    first = np.mean([k(x[i], x[j]) for i in range(7) for j in range(7) if i != j])
    second = np.mean([k(y[i], y[j]) for i in range(9) for j in range(9) if i != j])
    assert squared_mmd(x, y) == pytest.approx(
        first + second - 2 * np.mean([k(u, v) for u in x for v in y])
    )
    whole = kid(x, y[:7], stream(0, "order"))
    assert whole.value == pytest.approx(squared_mmd(x, y[:7]))
    assert (whole.error, whole.subsets, whole.n) == (None, 1, (7, 7))


def test_kid_has_no_bias():
    values = [squared_mmd(draw(10, 4, "x", i), draw(10, 4, "y", i)) for i in range(2000)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 2000**0.5
    assert min(values) < 0 < max(values)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`:UserWarning")
def test_the_same_numbers_as_torchmetrics():
    pytest.importorskip("torchmetrics")
    import torch
    from torch import nn
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    class Rows(nn.Module):
        """A network whose features are the images."""

        num_features = 6

        def forward(self, images):
            return images.flatten(1).double()

    x = draw(50, 6, "a")
    y = 1.3 * draw(40, 6, "b") + 0.2
    images = [torch.from_numpy(part).view(-1, 6, 1, 1) for part in (x, y)]
    theirs = FrechetInceptionDistance(Rows(), normalize=True, input_img_size=(6, 1, 1)).set_dtype(
        torch.float64
    )
    kernel = KernelInceptionDistance(Rows(), subsets=1, subset_size=40, normalize=True)
    for metric in (theirs, kernel):
        metric.used_custom_model = True
        metric.update(images[0][:40] if metric is kernel else images[0], real=True)
        metric.update(images[1], real=False)
    assert fid(x, y).value == pytest.approx(float(theirs.compute()), rel=1e-4)
    assert kid(x[:40], y, stream(0)).value == pytest.approx(float(kernel.compute()[0]), rel=1e-4)


@pytest.mark.parametrize(
    "bad", [np.zeros((1, 3)), np.zeros((4, 2)), np.zeros(3), np.full((4, 3), np.nan)]
)
def test_bad_features_are_refused(bad):
    with pytest.raises(ValueError, match=r"features is .*; allowed"):
        fid(np.ones((4, 3)), bad)
