"""What changed between two texts: by lines, and by words within the lines that changed. Pure.

Lines that occur once in both texts are matched first, what is left between them by ``difflib``.
That is quadratic at worst, so its work is counted beforehand: stretches beyond the budget are shown
as removed and added whole. Two texts of 256 kB take a second or two, whatever they say.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import msgspec

SAME, ADDED, REMOVED = "same", "added", "removed"
MAX_WORK = 4_000_000  # comparisons of difflib, at worst some 100 ns each
MAX_DEPTH = 12
MIN_ALIKE = 0.2  # of the longer text; below it, marking words would only confuse
CONTEXT_LINES = 3
MIN_FOLDED = 4

_WORDS = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")

Block = tuple[int, int, int]  # start in the old sequence, start in the new one, length


class Piece(msgspec.Struct, frozen=True):
    """A part of a line; ``changed`` where its words differ from the other text's."""

    text: str
    changed: bool = False


class DiffLine(msgspec.Struct, frozen=True):
    """A line of either text, its numbers counting from 1; ``same`` has both numbers."""

    kind: str
    pieces: tuple[Piece, ...]
    old_number: int | None = None
    new_number: int | None = None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


class Stretch(msgspec.Struct, frozen=True):
    """Neighbouring lines to be shown together; ``folded``: equal, and far from any change."""

    lines: tuple[DiffLine, ...]
    folded: bool = False


def diff_texts(old: str, new: str) -> list[DiffLine]:
    """All lines of both texts in reading order, removed before added."""
    old_lines, new_lines = _lines_of(old), _lines_of(new)
    aligner = _Aligner()
    found: list[DiffLine] = []
    i = j = 0
    blocks = [*aligner.align(old_lines, new_lines), (len(old_lines), len(new_lines), 0)]
    for old_start, new_start, size in blocks:
        removed, added = old_lines[i:old_start], new_lines[j:new_start]
        found += _changed_lines(aligner, (removed, i), (added, j))
        found += [
            DiffLine(SAME, (Piece(line),), old_start + n + 1, new_start + n + 1)
            for n, line in enumerate(old_lines[old_start : old_start + size])
        ]
        i, j = old_start + size, new_start + size
    return found


def fold(lines: Sequence[DiffLine], context: int = CONTEXT_LINES) -> list[Stretch]:
    """The lines in stretches: those further than ``context`` from any change are folded."""
    near = [False] * len(lines)
    for index, line in enumerate(lines):
        if line.kind != SAME:
            start, end = max(0, index - context), min(len(lines), index + context + 1)
            near[start:end] = [True] * (end - start)
    stretches: list[Stretch] = []
    start = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or near[index] != near[start]:
            folded = not near[start] and index - start >= MIN_FOLDED
            stretches.append(Stretch(tuple(lines[start:index]), folded))
            start = index
    return stretches


def _lines_of(text: str) -> list[str]:
    return text.split("\n") if text else []


def _changed_lines(
    aligner: "_Aligner", removed: tuple[list[str], int], added: tuple[list[str], int]
) -> Iterator[DiffLine]:
    """Lines out, then lines in, each given with the index of its first."""
    old_lines, new_lines = removed[0], added[0]
    if old_lines and new_lines:
        old_pieces, new_pieces = _mark_words(aligner, old_lines, new_lines)
    else:
        old_pieces, new_pieces = _plain(old_lines), _plain(new_lines)
    for n, pieces in enumerate(old_pieces, removed[1] + 1):
        yield DiffLine(REMOVED, pieces, old_number=n)
    for n, pieces in enumerate(new_pieces, added[1] + 1):
        yield DiffLine(ADDED, pieces, new_number=n)


def _plain(lines: list[str]) -> list[tuple[Piece, ...]]:
    return [(Piece(line),) for line in lines]


def _mark_words(
    aligner: "_Aligner", old_lines: list[str], new_lines: list[str]
) -> tuple[list[tuple[Piece, ...]], list[tuple[Piece, ...]]]:
    """The pieces of each line, with the words marked that the other lines do not have."""
    old_words = _WORDS.findall("\n".join(old_lines))
    new_words = _WORDS.findall("\n".join(new_lines))
    blocks = aligner.align(old_words, new_words)
    alike = sum(
        len(word)
        for start, _, size in blocks
        for word in old_words[start : start + size]
        if not word.isspace()
    )
    if alike < MIN_ALIKE * max(_length(old_words), _length(new_words)):
        return _plain(old_lines), _plain(new_lines)
    old_kept = {start + n for start, _, size in blocks for n in range(size)}
    new_kept = {start + n for _, start, size in blocks for n in range(size)}
    return _pieces_by_line(old_words, old_kept), _pieces_by_line(new_words, new_kept)


def _length(words: list[str]) -> int:
    return sum(len(word) for word in words if not word.isspace())


def _pieces_by_line(words: list[str], kept: set[int]) -> list[tuple[Piece, ...]]:
    lines: list[list[Piece]] = [[]]
    for index, word in enumerate(words):
        if word == "\n":
            lines.append([])
            continue
        changed, line = index not in kept, lines[-1]
        if line and line[-1].changed == changed:
            line[-1] = Piece(line[-1].text + word, changed)
        else:
            line.append(Piece(word, changed))
    return [tuple(line) or (Piece(""),) for line in lines]


class _Aligner:
    """Finds equal stretches of two sequences within one budget of work for all its calls."""

    def __init__(self) -> None:
        self.work_left = MAX_WORK

    def align(self, old: Sequence[str], new: Sequence[str]) -> list[Block]:
        """Blocks of equal items, in order and never touching each other."""
        merged: list[Block] = []
        for block in self._align(old, new, (0, len(old)), (0, len(new)), MAX_DEPTH):
            if merged:
                i, j, size = merged[-1]
                if (i + size, j + size) == block[:2]:
                    merged[-1] = (i, j, size + block[2])
                    continue
            merged.append(block)
        return merged

    def _align(
        self,
        old: Sequence[str],
        new: Sequence[str],
        a: tuple[int, int],
        b: tuple[int, int],
        depth: int,
    ) -> Iterator[Block]:
        (i, old_end), (j, new_end) = a, b
        head = _count_equal(old, new, range(i, old_end), range(j, new_end))
        if head:
            yield i, j, head
            i, j = i + head, j + head
        tail = _count_equal(old, new, range(old_end - 1, i - 1, -1), range(new_end - 1, j - 1, -1))
        old_end, new_end = old_end - tail, new_end - tail
        anchors = _anchors(old, new, (i, old_end), (j, new_end)) if depth else []
        for to_i, to_j in anchors:
            yield from self._align(old, new, (i, to_i), (j, to_j), depth - 1)
            yield to_i, to_j, 1
            i, j = to_i + 1, to_j + 1
        if anchors:
            yield from self._align(old, new, (i, old_end), (j, new_end), depth - 1)
        else:
            yield from self._match(old[i:old_end], new[j:new_end], i, j)
        if tail:
            yield old_end, new_end, tail

    def _match(self, old: Sequence[str], new: Sequence[str], i: int, j: int) -> Iterator[Block]:
        """Blocks by ``difflib``, if that is within the budget; none otherwise."""
        if not old or not new:
            return
        seen = Counter(word for word in new if not _is_blank(word))
        pairs = sum(seen[word] for word in old)
        work = pairs * min(len(old), len(new), pairs)
        if work > self.work_left:
            return
        self.work_left -= work
        matcher = SequenceMatcher(_is_blank, old, new, autojunk=False)
        for found in matcher.get_matching_blocks():
            if found.size:
                yield i + found.a, j + found.b, found.size


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _count_equal(old: Sequence[str], new: Sequence[str], a: range, b: range) -> int:
    count = 0
    for i, j in zip(a, b, strict=False):
        if old[i] != new[j]:
            break
        count += 1
    return count


def _anchors(
    old: Sequence[str], new: Sequence[str], a: tuple[int, int], b: tuple[int, int]
) -> list[tuple[int, int]]:
    """Items that stand once in both stretches, as many as keep their order (patience diff)."""
    in_old = Counter(old[a[0] : a[1]])
    in_new = Counter(new[b[0] : b[1]])
    place = {new[j]: j for j in range(*b) if in_new[new[j]] == 1}
    pairs = [
        (i, place[old[i]])
        for i in range(*a)
        if in_old[old[i]] == 1 and old[i] in place and not _is_blank(old[i])
    ]
    return _longest_rising(pairs)


def _longest_rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs whose second numbers rise as their first do."""
    ends: list[int] = []  # smallest last number of a run of each length
    last: list[int] = []  # and which pair that is
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(j)
            last.append(index)
        else:
            ends[length], last[length] = j, index
    run: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        run.append(pairs[index])
        index = before[index]
    return run[::-1]
