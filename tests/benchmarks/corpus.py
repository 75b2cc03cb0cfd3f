"""A deterministic corpus of language-model traffic: OTLP batches as exporters send them.

Sessions of one to eight traces overlap in time; a trace is an agent, one to four model calls and up
to three tools, each sent when it ends, so children come before their parents and a batch holds
parts of several traces. About 5.4 kB of protobuf a span; 4 % of spans end in an error.
"""

import datetime
import gzip
import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.benchmarks import attributes
from tests.benchmarks.attributes import Attributes, Call, Turn, Value
from tests.benchmarks.prose import Prose

# model, provider, dollars a million tokens in and out, milliseconds a token out, weight
MODELS = (
    ("gpt-4o", "openai", 2.5, 10.0, 14.0, 25),
    ("gpt-4o-mini", "openai", 0.15, 0.6, 9.0, 30),
    ("claude-sonnet-4", "anthropic", 3.0, 15.0, 16.0, 18),
    ("claude-haiku-3-5", "anthropic", 0.8, 4.0, 8.0, 12),
    ("gemini-2.0-flash", "gcp.gemini", 0.1, 0.4, 5.0, 10),
    ("llama-3.3-70b", "groq", 0.59, 0.79, 4.0, 5),
)
PROMPTS = ("support-answer", "summarise-ticket", "route-intent", "extract-order", "write-reply")
TOOLS = ("search_orders", "get_customer", "query_kb", "create_ticket", "send_email")
EXPERIMENTS = {
    "prompt-tone": ("control", "friendly", "terse"),
    "model-swap": ("control", "treatment"),
    "rag-depth": ("k4", "k8", "k16"),
    "guardrails": ("off", "on"),
}
ERRORS = (
    ("RateLimitError", "Rate limit reached for requests; please retry after 20s"),
    ("APITimeoutError", "Request timed out after 60.0 seconds"),
    ("ToolInputError", "field 'order_id' is required"),
    ("ContextLengthExceeded", "maximum context length is 128000 tokens"),
)
STACK = "Traceback (most recent call last):\n" + "".join(
    f'  File "/srv/app/agents/{name}.py", line {line}, in {name}\n    await self._{name}(request)\n'
    for name, line in (("run", 88), ("execute", 141), ("complete", 233), ("post", 412))
)
RESOURCE: Attributes = {
    "service.name": "support-bot",
    "service.version": "1.14.2",
    "deployment.environment.name": "production",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.38.0",
    "openinference.project.name": "bench",
}
ERROR_RATE = 0.04
MS = 10**6
SPANS_A_SESSION = 4.5 * 5.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One request: how many spans its body holds."""

    n_spans: int
    body: bytes


class Corpus:
    """Spans of one seed. Another seed shares no id with it."""

    def __init__(
        self, n_spans: int, *, seed: int, end: datetime.datetime, days: float = 7.0
    ) -> None:
        self.n_spans = n_spans
        self.rng = random.Random(seed)
        self.prose = Prose("prose")
        self.end_ns = int(end.timestamp()) * 10**9
        self.start_ns = self.end_ns - int(days * 86_400e9)
        fixed = random.Random("prompts")
        self.systems = {
            (name, version): self.prose.take(fixed, fixed.randint(450, 750))
            for name in PROMPTS
            for version in range(1, 5)
        }

    def frames(self, size: int = 100) -> Iterator[Frame]:
        batch: list[Span] = []
        for span in self.spans():
            batch.append(span)
            if len(batch) == size:
                yield make_frame(batch)
                batch = []
        if batch:
            yield make_frame(batch)

    def spans(self) -> Iterator[Span]:
        """Exactly ``n_spans``, in the order of their ends."""
        gap = (self.end_ns - self.start_ns) / (self.n_spans / SPANS_A_SESSION) * 0.98
        heap: list[tuple[int, int, Span]] = []
        now, made = self.start_ns, 0
        while made < self.n_spans:
            now += int(self.rng.expovariate(1 / gap))
            while heap and heap[0][0] < now:
                yield heapq.heappop(heap)[2]
            for span in self._session(now, limit=self.n_spans - made):
                heapq.heappush(heap, (span.end_time_unix_nano, made, span))
                made += 1
        while heap:
            yield heapq.heappop(heap)[2]

    def _session(self, start: int, *, limit: int) -> list[Span]:
        rng = self.rng
        session_id = "sess-" + rng.randbytes(8).hex()
        user_id = f"user-{int(max(20, self.n_spans / 100) * rng.random() ** 2):06d}"
        experiment = rng.choice(list(EXPERIMENTS))
        variant = rng.choice(EXPERIMENTS[experiment])
        spans: list[Span] = []
        for number in range(rng.randint(1, 8)):
            version = rng.choices((1, 2, 3, 4), (10, 15, 30, 45))[0]
            turn = Turn(
                session_id, user_id, experiment, variant, rng.choice(PROMPTS), version, number
            )
            spans += self._trace(turn, start)
            start = spans[-1].end_time_unix_nano + int(rng.expovariate(1 / 25e9))
        return spans[:limit]

    def _trace(self, turn: Turn, start: int) -> list[Span]:
        """The agent's span last, as it ends last."""
        rng = self.rng
        trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
        question = self.prose.message(rng)
        more = ["llm"] * rng.randint(0, 3) + ["tool"] * rng.randint(0, 3)
        rng.shuffle(more)
        spans: list[Span] = []
        cursor, answer = start + rng.randint(1, 20) * MS, ""
        for step in ["llm", *more]:
            if step == "llm":
                said = self.prose.message(rng) if answer else question
                span, answer = self._call(turn, said, cursor)
            else:
                span = self._tool(turn, cursor)
            span.trace_id, span.parent_span_id = trace_id, root_id
            spans.append(span)
            cursor = span.end_time_unix_nano + rng.randint(1, 30) * MS
        spans.append(self._agent(turn, question, answer, times=(start, cursor)))
        spans[-1].trace_id, spans[-1].span_id = trace_id, root_id
        return spans

    def _call(self, turn: Turn, question: str, start: int) -> tuple[Span, str]:
        rng = self.rng
        weights = [weight for *_, weight in MODELS]
        model, provider, price_in, price_out, ms_a_token, _ = rng.choices(MODELS, weights)[0]
        system, answer = self.systems[turn.prompt, turn.version], self.prose.message(rng)
        ttft = int(rng.lognormvariate(math.log(350 * MS), 0.5))
        call = Call(
            model,
            provider,
            system,
            question,
            answer,
            cost_in=((len(system) + len(question)) // 4 + 12) * price_in / 1e6,
            cost_out=(len(answer) // 4 + 3) * price_out / 1e6,
            ttft_s=ttft / 1e9,
            response_id="resp-" + rng.randbytes(9).hex(),
            temperature=rng.choice((0.0, 0.2, 0.7, 1.0)),
        )
        lasted = ttft + int(call.tokens_out * ms_a_token * MS * rng.lognormvariate(0, 0.25))
        values = attributes.of_call(turn, call)
        return self._span(f"chat {model}", Span.SPAN_KIND_CLIENT, (start, lasted), values), answer

    def _tool(self, turn: Turn, start: int) -> Span:
        rng, take = self.rng, self.prose.take
        name = rng.choice(TOOLS)
        query = {"query": take(rng, rng.randint(20, 200)), "limit": rng.randint(1, 50)}
        rows = [take(rng, rng.randint(40, 300)) for _ in range(rng.randint(1, 5))]
        values = attributes.of_tool(
            turn,
            name,
            "call_" + rng.randbytes(8).hex(),
            arguments=attributes.as_json(query),
            result=attributes.as_json({"ok": True, "rows": rows}),
        )
        lasted = int(rng.lognormvariate(math.log(120 * MS), 0.8))
        return self._span(f"execute_tool {name}", Span.SPAN_KIND_INTERNAL, (start, lasted), values)

    def _agent(self, turn: Turn, question: str, answer: str, *, times: tuple[int, int]) -> Span:
        tags = ["bench", self.rng.choice(("eu", "us", "apac"))]
        tier = self.rng.choice(("free", "pro", "team"))
        values = attributes.of_agent(turn, tier, tags, question=question, answer=answer)
        start, end = times
        name = "invoke_agent support-agent"
        return self._span(name, Span.SPAN_KIND_SERVER, (start, end - start), values)

    def _span(
        self, name: str, kind: Span.SpanKind.ValueType, times: tuple[int, int], values: Attributes
    ) -> Span:
        start, lasted = times
        span = Span(
            span_id=self.rng.randbytes(8),
            name=name,
            kind=kind,
            start_time_unix_nano=start,
            end_time_unix_nano=start + lasted,
            flags=257,
        )
        if self.rng.random() < ERROR_RATE:
            values = values | self._fail(span)
        else:
            span.status.code = Status.STATUS_CODE_OK
        put(span, values)
        return span

    def _fail(self, span: Span) -> Attributes:
        kind, message = self.rng.choice(ERRORS)
        span.status.code = Status.STATUS_CODE_ERROR
        span.status.message = f"{kind}: {message}"
        event = span.events.add(name="exception", time_unix_nano=span.end_time_unix_nano)
        stack = f"{STACK}{kind}: {message}"
        put(
            event,
            {
                "exception.type": kind,
                "exception.message": message,
                "exception.stacktrace": stack,
            },
        )
        return {"error.type": kind}


def put(holder: Span | Span.Event, values: Attributes) -> None:
    for key, value in values.items():
        put_value(holder.attributes.add(key=key).value, value)


def put_value(holder, value: Value) -> None:
    match value:
        case str():
            holder.string_value = value
        case int():
            holder.int_value = value
        case float():
            holder.double_value = value
        case list():
            for item in value:
                holder.array_value.values.add().string_value = item


def make_request(spans: list[Span]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    for key, value in RESOURCE.items():
        put_value(group.resource.attributes.add(key=key).value, value)
    scope = group.scope_spans.add()
    scope.scope.name, scope.scope.version = "bench.instrumentation", "1.0.0"
    scope.spans.extend(spans)
    return request


def make_frame(spans: list[Span]) -> Frame:
    """gzip at its usual level and without a time of making: the same spans, the same bytes."""
    body = make_request(spans).SerializeToString()
    return Frame(len(spans), gzip.compress(body, 6, mtime=0))
