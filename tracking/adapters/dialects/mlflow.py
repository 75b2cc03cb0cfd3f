"""MLflow's own span attributes. Every value is encoded as JSON, names too; usage and cost are
objects: see ``compounds``. Names: mlflow 3, mlflow.tracing.constant.
"""

from tracking.adapters.dialects.codecs import BODY, QUOTED_NAME, kind_words
from tracking.adapters.dialects.keys import key
from tracking.events import Kind

METADATA = "mlflow.traceTag."

TYPES = kind_words(
    {
        "LLM": Kind.LLM,
        "CHAT_MODEL": Kind.LLM,
        "EMBEDDING": Kind.EMBEDDING,
        "TOOL": Kind.TOOL,
        "AGENT": Kind.AGENT,
        "RETRIEVER": Kind.RETRIEVER,
        "RERANKER": Kind.RETRIEVER,
        "MEMORY": Kind.RETRIEVER,
        "EVALUATOR": Kind.EVALUATOR,
        "GUARDRAIL": Kind.GUARDRAIL,
        "CHAIN": Kind.CHAIN,
        "PARSER": Kind.CHAIN,
        "TASK": Kind.CHAIN,
        "WORKFLOW": Kind.CHAIN,
    }
)

KEYS = (
    key("mlflow.spanType", "kind", TYPES),
    key("mlflow.llm.provider", "provider", QUOTED_NAME),
    key("mlflow.llm.model", "model_requested", QUOTED_NAME),
    key("mlflow.spanInputs", "input", BODY),
    key("mlflow.spanOutputs", "output", BODY),
    key("mlflow.trace.session", "session_own", QUOTED_NAME),
    key("mlflow.trace.user", "user_own", QUOTED_NAME),
)
