"""LangChain, instrumented by openinference-instrumentation-langchain: a chain, a tool, a stream."""

import contextlib

import openai
from exporting import exporting
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openinference.instrumentation import using_user
from openinference.instrumentation.langchain import LangChainInstrumentor
from weather import FAILING, MODEL, QUESTION, RESULT, SYSTEM

CONFIG = {"metadata": {"session_id": "s-oi-langchain"}, "tags": ["beta"]}


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return RESULT


with exporting(), using_user("ada"):
    LangChainInstrumentor().instrument()
    model = ChatOpenAI(model=MODEL, max_retries=0, stream_usage=True)
    prompt = ChatPromptTemplate.from_messages([("system", SYSTEM), ("user", "{question}")])
    chain = prompt | model | StrOutputParser()
    chain.invoke({"question": QUESTION}, config={**CONFIG, "run_name": "answer"})
    list(chain.stream({"question": QUESTION}, config={**CONFIG, "run_name": "streamed"}))
    asked = model.bind_tools([get_weather]).invoke([HumanMessage(QUESTION)], config=CONFIG)
    get_weather.invoke(asked.tool_calls[0], config=CONFIG)
    failing = ChatOpenAI(model=FAILING, max_retries=0)
    with contextlib.suppress(openai.RateLimitError):
        failing.invoke(QUESTION, config=CONFIG)
