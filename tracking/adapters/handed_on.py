"""Parts as a body of the inbox: digest hands them on to a later one. Pure.

Documents lock their traces in a round of their own, so what belongs to them is digested apart from
the events that brought it; and parts of a great document wait for one another. Bodies stand in it
as the JSON that they are: whoever looks for names in the inbox or in quarantine finds them.
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
    is_counted: bool = False
    is_put_off: bool = False


_decoder = msgspec.json.Decoder(list[_Piece])


def write(parts: Sequence[Part]) -> bytes:
    return msgspec.json.encode(
        [
            _Piece(
                part.system,
                part.key,
                msgspec.Raw(part.body),
                part.received_us,
                part.moments,
                part.is_counted,
                part.is_put_off,
            )
            for part in parts
        ]
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
            is_counted=piece.is_counted,
            is_put_off=piece.is_put_off,
        )
        for piece in _decoder.decode(body)
    ]
    return Batch(events=[], rejections=[], failures=[], origins={}, parts=parts)
