"""Words for prompts, and classes of a model, from CSV files."""

import numpy as np
import pytest
import torch

from empirical.config import Generator
from empirical.generation.backends.text_to_image import class_prompts, draw_prompt
from empirical.own_images.named_models import NAMED
from empirical.own_images.words import class_words, read_mapping, require_words

CLASSES = ("cats", "dogs", "n01443537")


def test_words_are_several_a_class_and_have_negatives(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("class,words,negative\ncats,a tabby,drawing\ncats,a black cat,\n")
    found = class_words(tmp_path, CLASSES[:2], path, "blur")
    assert found == (
        ("cats", "a tabby", "blur, drawing"),
        ("cats", "a black cat", "blur"),
        ("dogs", "dogs", "blur"),
    )
    prompts = class_prompts(Generator(model="x", words=found[:2]), ("cats", "old_dogs"))
    assert prompts == [
        [("a photo of a a tabby", "blur, drawing"), ("a photo of a a black cat", "blur")],
        [("a photo of a old dogs", "")],
    ]


def test_a_file_in_the_folder_is_read(tmp_path):
    (tmp_path / "prompts.csv").write_text("class,words\ncats,tabby\n")
    assert class_words(tmp_path, CLASSES[:2], None) == (("cats", "tabby", ""),)


def test_numbers_of_wordnet_need_words(tmp_path):
    assert class_words(tmp_path, CLASSES, None) == ()
    with pytest.raises(ValueError, match=r"is 'n01443537'; allowed: words for each: --prompts"):
        require_words(CLASSES, ())
    (tmp_path / "words.txt").write_text("n01443537\tgoldfish, Carassius auratus\n")
    (tmp_path / "train").mkdir()
    words = class_words(tmp_path / "train", CLASSES, None)
    assert words == (("n01443537", "goldfish", ""),)
    require_words(CLASSES, words)


def test_a_prompt_is_drawn_by_the_images_own_generator():
    two = [("a", ""), ("b", "")]
    drawn = [draw_prompt(two, torch.Generator().manual_seed(i))[0] for i in range(50)]
    assert 10 < drawn.count("a") < 40
    assert drawn == [draw_prompt(two, torch.Generator().manual_seed(i))[0] for i in range(50)]
    rng = torch.Generator().manual_seed(0)
    before = rng.get_state()
    assert draw_prompt(two[:1], rng) == ("a", "")
    assert torch.equal(rng.get_state(), before)  # one prompt draws nothing


def test_files_that_do_not_fit_are_told(tmp_path):
    path = tmp_path / "x.csv"
    for text, said in (
        ("class,words\nfoxes,fox\n", "is 'foxes'; allowed: folders of classes"),
        ("class,text\ncats,cat\n", "columns of"),
        ("class,words\n", "and a row"),
        ("class,words\ncats,\n", "empty field"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=said) as error:
            class_words(tmp_path, CLASSES, path)
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"prompts is .*nowhere\.csv, which cannot be read"):
        class_words(tmp_path, CLASSES, tmp_path / "nowhere.csv")


def test_a_mapping_of_classes(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("class,model_class\ncats,281\ndogs,golden retriever\n")
    assert read_mapping(path) == ("cats=281", "dogs=golden retriever")


def test_named_models_have_settings_that_the_schedule_allows():
    assert set(NAMED) == {"sd15", "sd-turbo", "sdxl", "sdxl-turbo", "sd3", "flux"}
    for each in NAMED.values():
        assert 1000 % each.steps == 0
        assert round(0.5 * each.steps) >= 1
        assert (each.guidance == 1) == each.distilled
        assert each.side in (512, 1024)
        assert each.licence in each.about
    assert np.unique([each.model for each in NAMED.values()]).size == 6
