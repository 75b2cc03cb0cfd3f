"""What OpenTelemetry says about any span: session, user, error, feature flags, experiments."""

from tracking.adapters.dialects.codecs import NAME
from tracking.adapters.dialects.keys import Key

KEYS = (
    Key("session.id", "session_own", NAME, bit=51),
    Key("user.id", "user_own", NAME, bit=52),
    Key("enduser.id", "user_own", NAME, bit=53),
    Key("error.type", "error_type", NAME, bit=54),
    Key("experiment.name", "arm:experiment", NAME, bit=55),
    Key("experiment.variant", "variant:experiment", NAME, bit=56),
    Key("feature_flag.key", "arm:flag", NAME, bit=57),
    Key("feature_flag.result.variant", "variant:flag", NAME, bit=58),
    Key("feature_flag.variant", "variant:flag", NAME, bit=59),
)

RESOURCE_COLUMNS = {
    "deployment.environment.name": "environment",
    "deployment.environment": "environment",
    "service.version": "release",
}
"""Attributes of a resource that fill a column of its spans, first hit wins."""
