"""Which class of a model belongs to each class of the data: by name, mapping or equal number."""

from types import SimpleNamespace

import pytest

from empirical.config import Generator
from empirical.generation.backends.model_classes import match_classes
from empirical.generation.backends.pixel_unet import unet_classes

IMAGENET = ("tench, Tinca tinca", "goldfish, Carassius auratus", "tabby cat, tabby", "beagle")


def test_names_decide_whatever_the_order():
    assert match_classes(("Beagle", "carassius_auratus", "tabby"), IMAGENET, 4) == [3, 1, 2]
    assert match_classes(("a", "b"), {"b": 7, "a": 3}, 9) == [3, 7]


def test_without_names_there_must_be_as_many():
    assert match_classes(("cat", "dog"), (), 2) == [0, 1]
    for count in (1, 3, 11, 1001):
        with pytest.raises(ValueError, match=f"is {count}; allowed: 2, as the images have; say"):
            match_classes(("cat", "dog"), (), count)


def test_a_mapping_gives_numbers_or_names():
    mapping = ("cat=tabby", "dog=3", "a=b=1")
    assert match_classes(("cat", "dog", "a=b"), IMAGENET, 4, mapping) == [2, 3, 1]
    assert match_classes(("cat",), (), 1000, ("cat=281",)) == [281]
    with pytest.raises(ValueError, match=r"leave out is 'fox'; allowed: one line"):
        match_classes(("cat", "fox"), IMAGENET, 4, mapping)
    for wrong in ("4", "-1", "unicorn", ""):
        with pytest.raises(
            ValueError, match=r"for cat is .*; allowed: numbers from 0 to 3, or its own"
        ):
            match_classes(("cat",), IMAGENET, 4, (f"cat={wrong}",))


def test_a_name_that_is_not_known_is_told():
    with pytest.raises(
        ValueError, match=r"does not know is 'dog'; allowed: its own: tench, .*FILE"
    ):
        match_classes(("tabby", "dog"), IMAGENET, 4)


@pytest.fixture
def unet(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "DDPMPipeline"}')

    def found(embeddings, classes, info=(), mapping=(), **config):
        generator = Generator(model=str(tmp_path), classes_of_model=mapping)
        options = SimpleNamespace(num_class_embeds=embeddings, get=config.get)
        return unet_classes(generator, options, dict(info), classes)

    return found


TEN = tuple("abcdefghij")


def test_a_unet_of_as_many_embeddings_has_no_null_class(unet):
    assert unet(10, TEN) == (list(range(10)), False)
    assert unet(11, TEN) == (list(range(10)), True)


@pytest.mark.parametrize("embeddings", [1, 11, 1001])
def test_a_foreign_unet_is_not_taken_by_position(unet, embeddings):
    with pytest.raises(ValueError, match=f"is {embeddings}; allowed: 2, as the images have"):
        unet(embeddings, ("cat", "dog"))


def test_a_unet_that_says_its_names(unet):
    labels = {str(i): name for i, name in enumerate(IMAGENET)}
    assert unet(5, ("tabby", "beagle"), id2label=labels) == ([2, 3], True)
    assert unet(4, ("tabby", "beagle"), id2label=labels) == ([2, 3], False)
    assert unet(3, ("dog", "cat"), {"classes": ["cat", "dog"]}) == ([1, 0], True)


def test_with_a_mapping_alone_the_null_class_is_not_known(unet):
    assert unet(1001, ("cat", "dog"), mapping=("cat=281", "dog=207")) == ([281, 207], False)
