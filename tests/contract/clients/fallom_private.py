"""Fallom's client in privacy mode, sending to the root of the server."""

import fallom
import openai
from fallom_sending import sending
from weather import MESSAGES, MODEL, TOOL

with sending(traces="", capture_content=False):
    session = fallom.session("weather-bot", "s-fallom-private")
    client = session.wrap_openai(openai.OpenAI(max_retries=0))
    client.chat.completions.create(model=MODEL, messages=MESSAGES)
    client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=[TOOL])
