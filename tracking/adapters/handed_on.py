"""Parts that come of events, as a body of the inbox: digest hands them on to itself. Pure.

Documents lock their traces in a round of their own, so what belongs to them is digested apart from
the events that brought it. Bodies stand in it as the JSON that they are: whoever looks for names in
the inbox or in quarantine finds them.
"""

from collections.abc import Sequence

import msgspec

from tracking.events import Batch, Part, Receipt, Rejection


class _Piece(msgspec.Struct, frozen=True):
    system: str
    key: str
    body: msgspec.Raw
    received_us: int
    moments: tuple[int, ...]


_decoder = msgspec.json.Decoder(list[_Piece])


def write(parts: Sequence[Part]) -> bytes:
    return msgspec.json.encode(
        [_Piece(p.system, p.key, msgspec.Raw(p.body), p.received_us, p.moments) for p in parts]
    )


def check(body: bytes, *, receipt: Receipt) -> tuple[int, list[Rejection]]:
    return 0, []


def read(body: bytes, *, receipt: Receipt) -> Batch:
    parts = [
        Part(
            system=piece.system,
            key=piece.key,
            body=bytes(piece.body),
            received_us=piece.received_us,
            moments=piece.moments,
            is_counted=False,
        )
        for piece in _decoder.decode(body)
    ]
    return Batch(events=[], rejections=[], failures=[], origins={}, parts=parts)
