"""Galleries: faithfulness is that of the variants that runs use, of all images or a sample."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from empirical.config import Data, Gallery, Generator, Method, Run, Training, Variants
from empirical.data.context import Context
from empirical.data.split import split_dataset
from empirical.experiments import gallery
from empirical.generation import stage
from empirical.generation.denoising import starting_noise_level
from empirical.generation.unet import noise_schedule
from empirical.runtime.seeding import stream

pytestmark = pytest.mark.slow

STRENGTHS = (0.25, 1.0)
WHOLE = Gallery(
    "x",
    Data("digits", train=60, validation=0),
    Training(steps=2, width=8),
    generator=Generator(channels=(8,), steps=2),
    variants=Variants(num_inference_steps=4),
    strengths=STRENGTHS,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="module")
def whole(root):
    return gallery.execute(WHOLE, 0, root)


@pytest.fixture(scope="module")
def sampled(root):
    return gallery.execute(dataclasses.replace(WHOLE, sample=20), 0, root)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(STRENGTHS)))
def test_a_sample_is_measured_as_it_would_be_alone(root, whole, sampled, number):
    parts = split_dataset(WHOLE.data, 0)
    measured = np.sort(stream(0, "sheet").choice(60, 20, replace=False))
    variants = dataclasses.replace(WHOLE.variants, strength=STRENGTHS[number])
    run = Run(
        "x",
        Method("tada"),
        WHOLE.data,
        WHOLE.training,
        generator=WHOLE.generator,
        variants=variants,
    )
    for sheet, images in ((whole, np.arange(60)), (sampled, measured)):
        made = stage.load_or_make_variants(
            Context(run, 0, root).with_parts(parts), images, np.ones(len(images), int)
        )
        apart = (
            cdist(made.reshape(len(images), -1), parts.train.pixels.reshape(60, -1), "sqeuclidean")
            / made[0].size
        )
        level = sheet["levels"][number]
        assert sheet["measured"] == len(images)
        assert level["own_nearest"] == np.mean(apart.argmin(1) == images)
        assert level["rms_distance"] == pytest.approx(
            np.sqrt(apart[np.arange(len(images)), images].mean()), rel=1e-5
        )


@pytest.mark.slow
def test_a_sample_shows_the_same_pictures(whole, sampled):
    assert whole["sources"]["pixels"] == sampled["sources"]["pixels"]
    assert [level["pixels"] for level in whole["levels"]] == [
        level["pixels"] for level in sampled["levels"]
    ]
    assert len(whole["levels"][0]["pixels"]) == len(whole["sources"]["labels"])


@pytest.mark.slow
def test_levels_are_those_of_the_schedule(whole):
    for level, strength in zip(whole["levels"], STRENGTHS, strict=True):
        expected = starting_noise_level(
            noise_schedule(), dataclasses.replace(WHOLE.variants, strength=strength)
        )
        assert {name: level[name] for name in expected} == expected


def test_a_sample_larger_than_the_set_is_the_set(root, whole):
    again = gallery.execute(dataclasses.replace(WHOLE, sample=1000), 0, root)
    assert again["measured"] == 60
    assert again["agreement_real"] == whole["agreement_real"]
