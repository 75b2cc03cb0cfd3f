import json
import zlib

import pytest
from isal import isal_zlib

from tracking.blocks import BLOCK_BYTES, blank, new_block_id, pack, unpack
from tracking.events import EMPTY_PAYLOAD, Payload
from tracking.inflate import DAMAGED


def test_what_was_packed_is_unpacked():
    payloads = [Payload(input="é"), Payload(attributes={"a": [1, None]}), Payload(output="x")]

    (block,) = pack(payloads, [7, 7, 7], [2, 0, 1])

    assert (block.week, block.members) == (7, [2, 0, 1])
    assert unpack(block.body, range(3)) == {0: payloads[2], 1: payloads[0], 2: payloads[1]}


def test_a_block_is_of_one_week():
    payloads = [Payload(input=str(n)) for n in range(4)]

    blocks = pack(payloads, [1, 2, 1, 2], [0, 2, 1, 3])

    assert [(block.week, block.members) for block in blocks] == [(1, [0, 2]), (2, [1, 3])]


def test_a_block_is_cut_at_its_size_unless_one_payload_is_larger():
    half, large = Payload(input="x" * (BLOCK_BYTES // 2)), Payload(input="y" * 2 * BLOCK_BYTES)

    blocks = pack([half, half, large, half], [1] * 4, range(4))

    assert [block.members for block in blocks] == [[0], [1], [2], [3]]


def test_payloads_of_nothing_take_no_place():
    blocks = pack([EMPTY_PAYLOAD, Payload(input="a"), EMPTY_PAYLOAD], [1] * 3, range(3))

    assert [block.members for block in blocks] == [[1]]
    assert pack([EMPTY_PAYLOAD], [1], [0]) == []


def test_any_zlib_reads_a_block():
    (block,) = pack([Payload(input="a")], [1], [0])

    assert json.loads(zlib.decompress(block.body)) == [["a", None, None, None, None, None, None]]


def test_ids_of_blocks_differ_and_fit_a_bigint():
    ids = [new_block_id() for _ in range(100_000)]

    assert ids == sorted(set(ids))
    assert max(ids) < 2**63


def test_the_first_of_many_are_read_like_the_last():
    payloads = [Payload(input=f'{n}"],\n["{"x" * 1000}') for n in range(90)]
    (block,) = pack(payloads, [1] * 90, range(90))

    for wanted in ([0], [3, 1], [40], [89], range(90)):
        assert unpack(block.body, wanted) == {n: payloads[n] for n in wanted}


def test_a_block_of_one_line_is_read():
    body = zlib.compress(b'[["a",null],["b",null,"c"]]')

    assert unpack(body, [1]) == {1: Payload("b", None, "c")}
    assert unpack(body, [0]) == {0: Payload("a")}


def test_a_great_payload_is_inflated_in_few_steps(monkeypatch):
    payload = Payload(input="x" * 20_000_000)
    (block,) = pack([payload], [1], [0])
    steps = []
    make = isal_zlib.decompressobj

    class Counting:
        def __init__(self):
            self.member = make()

        def decompress(self, data, size):
            steps.append(size)
            return self.member.decompress(data, size)

        def __getattr__(self, name):
            return getattr(self.member, name)

    monkeypatch.setattr(isal_zlib, "decompressobj", Counting)

    assert unpack(block.body, [0]) == {0: payload}
    assert len(steps) < 20


@pytest.mark.parametrize("n_bytes", [1, 200, -5])
def test_a_block_that_was_cut_off_is_an_error(n_bytes):
    (block,) = pack([Payload(input=str(n) * 600) for n in range(90)], [1] * 90, range(90))

    with pytest.raises(DAMAGED):
        unpack(block.body[:n_bytes], [89])


def test_what_is_blanked_is_gone_and_the_rest_is_read():
    payloads = [Payload(input=str(n)) for n in range(3)]
    (block,) = pack(payloads, [1] * 3, range(3))

    body = blank(block.body, [1])

    assert unpack(body, range(3)) == {0: payloads[0], 1: EMPTY_PAYLOAD, 2: payloads[2]}
    assert blank(body, [0, 2]) is None
