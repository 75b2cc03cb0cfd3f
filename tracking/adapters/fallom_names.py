"""What Fallom's clients call things, in Assay's words: kinds, operations, providers, errors. Pure.

Methods and names are those of fallom-python 0.2.7 and fallom-typescript 0.2.28.
"""

import re

from tracking.events import Kind

_KINDS = {
    "llm": Kind.LLM,
    "agent": Kind.AGENT,
    "chain": Kind.CHAIN,
    "tool": Kind.TOOL,
    "retriever": Kind.RETRIEVER,
    "retrieval": Kind.RETRIEVER,
    "embedding": Kind.EMBEDDING,
    "embeddings": Kind.EMBEDDING,
    "evaluator": Kind.EVALUATOR,
    "guardrail": Kind.GUARDRAIL,
    # Stages that a person marked by hand.
    "custom": Kind.CHAIN,
    "preprocessing": Kind.CHAIN,
    "postprocessing": Kind.CHAIN,
}
_OPERATIONS = {
    "chat.completions.create": "chat",
    "responses.create": "chat",
    "messages.create": "chat",
    "generateContent": "generate_content",
    "generateText": "chat",
    "streamText": "chat",
    "generateObject": "chat",
    "streamObject": "chat",
    "traceModel.doGenerate": "chat",
    "traceModel.doStream": "chat",
    "llm.completion": "text_completion",
    "agent.generate": "invoke_agent",
    "runGEval": "chat",
}
_PREFIXED = {"tool": "execute_tool", "retriever": "retrieval"}
# AI SDK's names of providers, where OpenTelemetry and price lists have others.
_PROVIDERS = {
    "azure-openai": "azure",
    "xai": "x-ai",
    "google": "google",
    "google-vertex": "google",
    "amazon-bedrock": "aws.bedrock",
    "togetherai": "together",
    "gateway": "",  # the model's prefix says who answered
}
_OF_METHODS = {"messages.create": "anthropic", "generateContent": "google"}
_OF_HOSTS = (
    ("openrouter.ai", "openrouter"),
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure"),
    ("api.anthropic.com", "anthropic"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "x-ai"),
    ("api.together.xyz", "together"),
    ("generativelanguage.googleapis.com", "google"),
)
_MAKERS = (
    (re.compile(r"(ft:)?(gpt-|chatgpt-|o[1-9]\b|text-embedding-|davinci|babbage)").match, "openai"),
    (re.compile(r"claude-").match, "anthropic"),
    (re.compile(r"gemini").match, "google"),
)

_NO_MODELS = frozenset({"unknown", "[object Object]"})
_is_class = re.compile(
    # LangChain's callback names the class of a model that does not tell its own name.
    r"(?:[A-Z][a-z]+)*Chat[A-Z]\w*|[A-Z]\w*LLM|(?:Azure)?OpenAI|Ollama|Bedrock|VertexAI|LlamaCpp"
    r"|HuggingFace\w+"
).fullmatch

CLIENT_FAULT = "fallom_client"
"""The error type of failures in Fallom's own wrapper: the model may well have answered."""

_find_fault = re.compile(
    # Python: the wrappers read a stream, an answer not awaited yet, a raw one or a tool's call of
    # another kind as if it were a whole one.
    r"^'(?:(?:Async)?Stream|coroutine|\w*APIResponse|ChatCompletion\w+)' object has no attribute "
    r"'(?:choices|content|usage|candidates|function)'"
    # They write requests as JSON after the call, which answers put into the next request are not,
    # and neither are defaults that the providers' SDKs leave out, nor Google's nested arguments.
    r"|^Object of type (?:\w*ChatCompletion\w+|\w*Block|Response\w+|NotGiven|Omit"
    r"|(?:Map|Repeated)Composite) is not JSON serializable$"
    # They ask Google's answers for a text where there is a call of a tool, or nothing.
    r"|^(?:Invalid operation: )?The `response\.\w+` quick accessor|^Could not convert `part\."
    # TypeScript: wrapAnthropic and wrapGoogleAI read a variable outside of its block.
    r"|^(?:toolUseBlocks|functionCalls) is not defined"
).match
_find_code = re.compile(
    r"^Error code: (\d{3})\b"  # openai and anthropic in Python
    r"|^([45]\d\d) (?=\S)"  # their TypeScript, google-api-core
    r"|^\[GoogleGenerativeAI Error\].*?\[([45]\d\d) ",
    re.DOTALL,
).match
_ERRORS = {
    "Request timed out.": "timeout",
    "Connection error.": "connection",
    "Request was aborted.": "aborted",
}


def kind_of(sent: object, operation: str) -> Kind | None:
    """The kind a span names; else what its operation says; else None."""
    if isinstance(sent, str) and (kind := _KINDS.get(sent.lower())) is not None:
        return kind
    return {"execute_tool": Kind.TOOL, "retrieval": Kind.RETRIEVER}.get(operation)


def operation_of(method: str) -> str:
    """OpenTelemetry's name of what a method does; "" when there is none."""
    found = _OPERATIONS.get(method)
    return found if found is not None else _PREFIXED.get(method.partition(".")[0], "")


def provider_of(said: str, base_url: str, method: str, model: str) -> str:
    """The provider that was named or addressed; else the one whose method or model it is.

    A wrapper for OpenAI is used with any provider that speaks like it: without an address only the
    model's name tells, and a name with a maker in front tells all that prices need.
    """
    if said:
        name = said.partition(".")[0].strip().lower()
        return _PROVIDERS.get(name, name)
    for host, provider in _OF_HOSTS:
        if host in base_url:
            return provider
    if method in _OF_METHODS:
        return _OF_METHODS[method]
    return next((maker for is_made_by, maker in _MAKERS if is_made_by(model.lower())), "")


def model_name(sent: str, integration: str = "") -> str:
    """A model's name; "" where the wrapper made a text of what is none, or named its class."""
    if integration == "langchain" and _is_class(sent):
        return ""
    return "" if sent in _NO_MODELS else sent.removeprefix("models/")  # as Google's SDK says it


def error_type_of(message: str) -> str:
    """A short name to group errors by; "" when the message does not tell."""
    if _find_fault(message):
        return CLIENT_FAULT
    code = _find_code(message)
    return str(code[code.lastindex or 0]) if code else _ERRORS.get(message, "")
