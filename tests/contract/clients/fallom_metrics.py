"""Fallom's ``trace.span``: a session's own numbers, the latest value of each."""

import fallom
from fallom_sending import sending, wait_until_sent

with sending():
    fallom.trace.set_session("weather-bot", "s-fallom-metrics", customer_id="ada")
    fallom.trace.span({"outlier_score": 0.2, "clicks": 3, "plan": "pro"})
    wait_until_sent()
    fallom.trace.span({"outlier_score": 0.8, "converted": True})
    fallom.trace.span({"clicks": 9}, config_key="weather-bot", session_id="s-fallom-other")
