"""What OpenTelemetry says about any span: session, user, error, feature flags, experiments."""

from tracking.adapters.dialects.codecs import NAME
from tracking.adapters.dialects.keys import key

KEYS = (
    key("session.id", "session_own", NAME, bit=51),
    key("user.id", "user_own", NAME, bit=52),
    key("enduser.id", "user_own", NAME, bit=53),
    key("error.type", "error_type", NAME, bit=54),
    key("experiment.name", "arm:experiment", NAME, bit=55),
    key("experiment.variant", "variant:experiment", NAME, bit=56),
    key("feature_flag.key", "arm:flag", NAME, bit=57),
    key("feature_flag.result.variant", "variant:flag", NAME, bit=58),
    key("feature_flag.variant", "variant:flag", NAME, bit=59),
)

RESOURCE_COLUMNS = {
    "deployment.environment.name": "environment",
    "deployment.environment": "environment",
    "langfuse.environment": "environment",
    "langfuse.release": "release",
    "service.version": "release",
}
"""Attributes of a resource that fill a column of its spans, first hit wins."""
