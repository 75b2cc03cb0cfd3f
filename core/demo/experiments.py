"""What varies in the demo project, and the truth behind each experiment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    requested: str
    answered: str
    provider: str
    first_token_s: float
    tokens_per_s: float


GPT_4O = Model("gpt-4o", "gpt-4o-2024-11-20", "openai", 0.45, 85)
GPT_4O_MINI = Model("gpt-4o-mini", "gpt-4o-mini-2024-07-18", "openai", 0.38, 110)
SONNET = Model("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "anthropic", 0.80, 70)
FLASH = Model("gemini-2.5-flash", "gemini-2.5-flash", "gcp.gemini", 0.33, 160)


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant, and how well its sessions go."""

    variant: str
    n_sessions: int
    model: Model
    prompt_version: str
    failing: float  # share of sessions in which a turn fails
    rating: float  # mean of the customers' 1 to 5
    slowness: float = 1.0
    documents: int = 0  # retrieved before each answer


@dataclass(frozen=True, slots=True)
class DemoExperiment:
    key: str
    began_days_ago: float
    arms: tuple[Arm, ...]


ANSWER_TONE = DemoExperiment(
    "answer-tone",
    12,
    (
        Arm("control", 381, GPT_4O, "6", failing=0.12, rating=3.4),
        Arm("warm", 379, GPT_4O, "7", failing=0.03, rating=4.2),
    ),
)
"""A clear winner: the warm prompt is rated higher and fails less."""

CHEAPER_MODEL = DemoExperiment(
    "cheaper-model",
    9,
    (
        Arm("control", 276, GPT_4O, "7", failing=0.04, rating=4.0),
        Arm("mini", 284, GPT_4O_MINI, "7", failing=0.24, rating=3.9, slowness=2.4),
    ),
)
"""A guardrail breach: a fifteenth of the cost, but more errors and slower answers."""

RAG_DEPTH = DemoExperiment(
    "rag-depth",
    2.5,
    (
        Arm("control", 163, FLASH, "8", failing=0.03, rating=3.9, documents=4),
        Arm("deep", 98, FLASH, "8", failing=0.03, rating=4.0, documents=12),
    ),
)
"""Too early, and the split is off: half and half was meant, 62 to 38 came."""

EXPERIMENTS = (ANSWER_TONE, CHEAPER_MODEL, RAG_DEPTH)

EVERYDAY = (
    Arm("", 169, GPT_4O, "6", failing=0.03, rating=3.6),
    Arm("", 150, SONNET, "6", failing=0.02, rating=4.1),
    Arm("", 100, FLASH, "7", failing=0.04, rating=3.8),
)
"""Sessions that take part in nothing."""
