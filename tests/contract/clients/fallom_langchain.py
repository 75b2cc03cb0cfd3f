"""Fallom's callback of LangChain: a chain, a tool that the model asked for, a failure."""

import contextlib

import fallom
import openai
from fallom_sending import sending
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from weather import FAILING, MODEL, QUESTION, RESULT, SYSTEM


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return RESULT


with sending():
    session = fallom.session("weather-bot", "s-fallom-langchain", customer_id="ada")
    config = {"callbacks": [session.langchain_callback()]}
    model = ChatOpenAI(model=MODEL, max_retries=0)
    prompt = ChatPromptTemplate.from_messages([("system", SYSTEM), ("user", "{question}")])
    (prompt | model | StrOutputParser()).invoke({"question": QUESTION}, config=config)
    asked = model.bind_tools([get_weather]).invoke([HumanMessage(QUESTION)], config=config)
    get_weather.invoke(asked.tool_calls[0], config=config)
    with contextlib.suppress(openai.RateLimitError):
        ChatOpenAI(model=FAILING, max_retries=0).invoke(QUESTION, config=config)
