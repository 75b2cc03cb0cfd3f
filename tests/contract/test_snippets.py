"""Every snippet of the page "Send data" is run as it is shown there, and what it sent is found."""

import html
import re
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.cast import make_client
from tests.contract.running_clients import MISSING, PYTHON, environment_of, run_script
from tests.contract.running_node import run_shown
from tests.flows import digest_all, drift_of, status_of
from tracking.models import Document, Event, Session
from tracking.snippets import list_snippets

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_caches")]

SESSIONS = {
    "curl": "Yes. This came from the curl line.",
    "opentelemetry": "Yes, by OpenTelemetry.",
    "openinference": "Sunny, 21 degrees.",
    "langfuse": "Yes, by Langfuse&#x27;s SDK.",
    "vercel": "Sunny, 21 degrees.",
    "fallom": "Sunny, 21 degrees.",
    "ai-matey": "Yes, by way of ai.matey.",
}
PACKAGES = {"vercel": "vercel"}  # folders of clients with what a snippet imports


@pytest.fixture
def shown(alice, web_server):
    """What the page shows under a heading once its button has made a key."""
    client = make_client(alice)
    host = urlsplit(web_server).netloc

    def show(key, part="code"):
        page = client.post(f"/p/alpha/send/?with={key}", headers={"host": host})
        assert page.status_code == 200
        found = re.search(rf'<pre id="{part}"[^>]*>(.*?)</pre>', page.content.decode(), re.DOTALL)
        return html.unescape(found[1])

    return show


@pytest.fixture
def run(tmp_path, web_server, providers):
    def act(key, text):
        environment = environment_of(web_server, "", providers.url)
        if key == "curl":
            return run_script(["sh", "-c", text], environment)
        if ".py" in next(each.file for each in list_snippets() if each.key == key):
            if not PYTHON.exists():
                pytest.skip(MISSING)
            (tmp_path / "hello.py").write_text(text)
            return run_script(
                [str(PYTHON), "-W", "ignore", str(tmp_path / "hello.py")], environment
            )
        return run_shown(text, tmp_path, environment, packages=PACKAGES.get(key, ""))

    return act


def test_every_tab_is_run_here():
    assert {each.key for each in list_snippets()} == {*SESSIONS, "ai-experiments", "dogpile"}


@pytest.mark.parametrize("key", SESSIONS)
def test_a_session_is_there_with_its_answer(alpha, bob_client, shown, run, key):
    run(key, shown(key))
    digest_all()

    session = Session.objects.get(project_id=alpha.pk, is_implicit=False)
    page = bob_client.get(f"/p/alpha/sessions/{session.session_id}/").content.decode()
    assert session.session_id.startswith("hello-")
    assert (session.user_id, session.n_llm) == ("me" if key != "ai-matey" else "", 1)
    assert SESSIONS[key] in page
    assert session.session_id in bob_client.get("/p/alpha/sessions/").content.decode()
    assert drift_of(alpha.pk) == []


def test_curl_answers_what_became_of_it(shown, run):
    assert run("curl", shown("curl")) == '{"accepted":1,"rejected":[]}'


def test_a_line_sent_twice_counts_once(alpha, shown, run):
    line = shown("curl")

    run("curl", line)
    run("curl", line)
    digest_all()

    assert (status_of(alpha).stored_events, status_of(alpha).duplicate_events) == (1, 1)


def test_an_experiment_is_there(alpha, bob_client, shown, run):
    run("ai-experiments", shown("ai-experiments"))
    digest_all()

    assert status_of(alpha).stored_events == 6
    names = set(Event.objects.filter(project_id=alpha.pk).values_list("name", flat=True))
    assert names == {
        *("experiment.start", "variant.start", "variant.complete", "experiment.complete"),
    }


def test_a_run_is_there(alpha, bob_client, shown, run):
    answer = run("dogpile", shown("dogpile"))
    digest_all()

    assert answer.split() == ["202", '{"accepted":5,"rejected":[]}']
    document = Document.objects.get(project_id=alpha.pk)
    assert document.summary["status"] == "completed"
    page = bob_client.get(f"/p/alpha/runs/{document.key}/").content.decode()
    assert "Is the release ready?" in page
    assert "Ship it after the smoke tests." in page


def test_the_settings_of_exporters_are_enough(alpha, shown, tmp_path, web_server):
    """The two lines in the environment, and an exporter that is told nothing else."""
    if not PYTHON.exists():
        pytest.skip(MISSING)
    program = (
        "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))\n"
        "provider.get_tracer('t').start_span('by settings').end()\n"
    )
    (tmp_path / "program.py").write_text(program)
    lines = shown("opentelemetry", "env").replace("\n", "\nexport ")

    subprocess.run(
        ["sh", "-ec", f"export {lines}\n{PYTHON} {tmp_path / 'program.py'}"],
        check=True,
        timeout=300,
        env=environment_of(web_server, "", ""),
    )
    digest_all()

    assert Event.objects.get(project_id=alpha.pk).name == "by settings"
