"""Responses to cue, image and noise: the inputs are what they say, the numbers are logits."""

import numpy as np
import pytest
import torch
from torch import nn

from empirical.config import Data
from empirical.data.split import split_dataset
from empirical.training.responses import ResponseHistory, probes_of


@pytest.fixture(scope="module")
def train():
    return split_dataset(Data("noisy-digits", train=100, validation=50, cue="beside"), 0).train


def test_probes_are_parts_of_slow_training_images(train):
    probes = probes_of(train, 0, "cpu")
    slow = np.flatnonzero(~train.truth.present)
    parts = {name: inputs.numpy() for name, (inputs, _) in probes.items()}
    np.testing.assert_allclose(parts["own"], train.pixels[slow], atol=1e-6)
    np.testing.assert_array_equal(parts["image"], train.truth.image[slow])
    np.testing.assert_array_equal(parts["cue"], train.truth.cue[slow])
    np.testing.assert_allclose(parts["own"] - parts["own_noise"], parts["image"], atol=1e-6)
    np.testing.assert_allclose(parts["fresh"] - parts["fresh_noise"], parts["image"], atol=1e-6)
    assert parts["fresh_noise"].std() == pytest.approx(0.5, rel=0.1)
    own, fresh = parts["own_noise"].ravel(), parts["fresh_noise"].ravel()
    assert abs(np.corrcoef(own, fresh)[0, 1]) < 0.1
    for _, labels in probes.values():
        np.testing.assert_array_equal(labels.numpy(), train.labels[slow])


def test_a_response_is_the_logit_of_the_class_minus_the_mean(train):
    network = nn.Sequential(nn.Flatten(), nn.Linear(80, 10))
    probes = probes_of(train, 0, "cpu")
    history = ResponseHistory(np.zeros(len(train), bool), probes)
    pixels, labels = torch.from_numpy(train.pixels), torch.from_numpy(train.labels)
    history.add(7, network, pixels, labels)
    inputs, truth = probes["own"]
    with torch.no_grad():
        outputs = network(inputs).numpy()
    expected = (outputs[np.arange(len(truth)), truth] - outputs.mean(1)).mean()
    assert history.metrics()["response_own"] == [pytest.approx(float(expected), abs=1e-5)]
    again = ResponseHistory(np.zeros(len(train), bool), probes)
    again.load_state_dict(history.state_dict())
    assert again.metrics() == history.metrics()
