"""Dogpile's tracing bridge: runs, sub-runs, agents' turns and model calls.

Runs and turns sum up the calls below them; which of the three a span is, its ids tell: see
``compounds``. Names: @dogpile/sdk 0.5, runtime/tracing.
"""

from tracking.adapters.dialects.codecs import BODY, COUNT, MONEY, NAME
from tracking.adapters.dialects.keys import key

KEYS = (
    key("dogpile.run.id", "run_id", NAME),
    key("dogpile.provider.id", "provider", NAME),
    key("dogpile.model.id", "model_requested", NAME),
    key("dogpile.model.input_tokens", "tokens_in", COUNT),
    key("dogpile.turn.input_tokens", "tokens_in", COUNT),
    key("dogpile.run.input_tokens", "tokens_in", COUNT),
    key("dogpile.model.output_tokens", "tokens_out", COUNT),
    key("dogpile.turn.output_tokens", "tokens_out", COUNT),
    key("dogpile.run.output_tokens", "tokens_out", COUNT),
    key("dogpile.model.cost_usd", "cost_reported", MONEY),
    key("dogpile.turn.cost_usd", "cost_reported", MONEY),
    key("dogpile.run.cost_usd", "cost_reported", MONEY),
    key("dogpile.run.intent", "input", BODY),
)
