"""Text for columns: clean, and short enough for an index."""

import pytest

from tracking.cleaning import clean_error, clean_name, clean_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [("", ""), ("ok", "ok"), ("a\0b", "a\ufffdb"), ("\ud83dx", "\ufffdx"), ("😀", "😀")],
)
def test_it_replaces_what_postgresql_refuses(text, clean):
    assert clean_text(text) == clean


@pytest.mark.parametrize("text", ["x" * 512, "é" * 256, "short"])
def test_names_that_fit_are_kept(text):
    assert clean_name(text) == text


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_long_names_end_in_a_hash(letter):
    name = clean_name(letter * 600)

    assert len(name.encode()) <= 512
    assert name != clean_name(letter * 601)
    assert name.rpartition("…#")[0].strip(letter) == ""


def test_errors_are_cut():
    assert clean_error("x\0" * 400) == "x\ufffd" * 250
