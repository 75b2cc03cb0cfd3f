"""A second program of the demo: tags for the catalogue, by a model of the shop's own.

Nobody knows what that model costs, and nothing names a session: what such data looks like.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.demo.spans import MS, Value, to_key_values

MODEL, PROVIDER = "fjell-7b-instruct", "ollama"
N_CALLS, DAYS = 36, 6
PRODUCTS = (
    ("Tinden boot, leather, waxed", "boots, leather, winter"),
    ("Fjell shell jacket, 3 layers", "jackets, waterproof, men"),
    ("Elv canoe paddle, ash", "paddles, wood, canoe"),
    ("Vidde tent, two people", "tents, two people, three seasons"),
)


def tagging_spans(now: datetime, rng: Random) -> Iterator[Span]:
    """Yield one call a trace, spread over the nights of the last days."""
    for number in range(N_CALLS):
        at = now - timedelta(days=DAYS * (1 - number / N_CALLS), seconds=rng.randrange(600, 1200))
        began_ns = int(at.timestamp() * 1000) * MS
        product, tags = rng.choice(PRODUCTS)
        span = Span(
            trace_id=rng.randbytes(16),
            span_id=rng.randbytes(8),
            name=f"chat {MODEL}",
            kind=Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=began_ns,
            end_time_unix_nano=began_ns + rng.randrange(700, 2600) * MS,
        )
        said: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": MODEL,
            "gen_ai.usage.input_tokens": 60 + len(product) // 4,
            "gen_ai.usage.output_tokens": len(tags) // 4,
            "input.value": f"Tags for: {product}",
            "output.value": tags,
            "shop.sku": f"HP-{rng.randrange(1000, 9999)}",
        }
        span.attributes.extend(to_key_values(said))
        yield span
