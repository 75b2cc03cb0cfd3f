"""What the spans of Anthropic's own client say beside ``gen_ai``.

Since version 2 it makes a span a call by itself, to whatever provider is set up; content is left
out unless asked for. Names: anthropic 2.12 (Python).
"""

from tracking.adapters.dialects.codecs import NAME
from tracking.adapters.dialects.keys import key

KEYS = (key("anthropic.message.stop_reason", "finish_reason", NAME),)
