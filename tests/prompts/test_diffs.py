import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.diffs import ADDED, REMOVED, SAME, diff_texts, fold

TEXTS = st.lists(st.sampled_from(["a b", "a c", "b", "", " ", "x y z", "é"]), max_size=12).map(
    "\n".join
)


def drawn(old, new):
    """Each line by its sign, with changed pieces in brackets."""
    signs = {SAME: " ", ADDED: "+", REMOVED: "-"}
    return [
        signs[line.kind] + "".join(f"[{p.text}]" if p.changed else p.text for p in line.pieces)
        for line in diff_texts(old, new)
    ]


def test_words_are_marked_within_the_lines_that_changed():
    old = "You are kind.\nAnswer in English.\nBe brief."
    new = "You are kind.\nAnswer in {{language}}.\nBe brief."

    assert drawn(old, new) == [
        " You are kind.",
        "-Answer in [English].",
        "+Answer in [{{language}}].",
        " Be brief.",
    ]


def test_lines_that_share_next_to_nothing_are_not_marked_word_by_word():
    assert drawn("Answer in English.", "Never say who wrote this") == [
        "-Answer in English.",
        "+Never say who wrote this",
    ]


def test_a_line_broken_in_two_keeps_its_words():
    assert drawn("one two three four", "one two\nthree four") == [
        "-one two[ ]three four",
        "+one two",
        "+three four",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("a", "a", [" a"]),
        ("", "a\nb", ["+a", "+b"]),
        ("a", "", ["-a"]),
        ("a", "a\n", [" a", "+"]),
        ("a\nb\nc", "b\nc\na", ["-a", " b", " c", "+a"]),
    ],
)
def test_small_texts_read_as_one_would_write_them(old, new, expected):
    assert drawn(old, new) == expected


def test_lines_carry_the_numbers_of_their_text():
    numbers = [(line.old_number, line.new_number) for line in diff_texts("a\nb", "b\nc")]

    assert numbers == [(1, None), (2, 1), (None, 2)]


@given(TEXTS, TEXTS)
def test_both_texts_come_back_from_the_diff(old, new):
    lines = diff_texts(old, new)

    assert "\n".join(line.text for line in lines if line.kind != ADDED) == old
    assert "\n".join(line.text for line in lines if line.kind != REMOVED) == new
    assert [line.old_number for line in lines if line.old_number] == list(
        range(1, len(old.split("\n")) + 1 if old else 1)
    )


def test_equal_lines_far_from_a_change_are_folded():
    old = "\n".join(f"line {n}" for n in range(30))
    new = old.replace("line 15", "line fifteen")

    stretches = fold(diff_texts(old, new))

    assert [(s.folded, len(s.lines)) for s in stretches] == [(True, 12), (False, 8), (True, 11)]
    assert fold([]) == []


def test_a_few_equal_lines_are_not_worth_a_fold():
    stretches = fold(diff_texts("a\nb\nc\nd\ne\nf", "A\nb\nc\nd\ne\nf"))

    assert [stretch.folded for stretch in stretches] == [False, False]


HOSTILE = {
    "two words for ever": lambda r: "\n".join(r.choice(["a", "b"]) for _ in range(60_000)),
    "one long line": lambda r: " ".join(r.choice(["a", "b", "c"]) for _ in range(60_000)),
    "braces": lambda r: "".join(r.choice("{} \n") for _ in range(250_000)),
    "rare words": lambda r: " ".join(str(r.randrange(9_000)) for _ in range(40_000)),
    "rare lines": lambda r: "\n".join(str(r.randrange(9_000)) for _ in range(40_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_makes_a_diff_endless(name):
    r = random.Random(7)
    old, new = HOSTILE[name](r), HOSTILE[name](r)
    started = time.process_time()

    lines = diff_texts(old, new)

    # A runaway takes hours; this only tells it from work within the budget.
    assert time.process_time() - started < 20
    assert "\n".join(line.text for line in lines if line.kind != ADDED) == old
