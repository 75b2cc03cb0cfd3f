"""How soon prompts are served, with many of them, and how fast a large one is rendered."""

import itertools
import random
import time

from prompts.rendering import MAX_TEMPLATE_BYTES, Message, Texts, render
from tests.benchmarks.installation import SLUG
from tests.benchmarks.load import Connection, Failure, Ledger, Pace, percentile
from tests.benchmarks.metering import tree_cpu
from tests.benchmarks.results import Row, at_most, below
from tests.benchmarks.run import Run

PROMPTS, VERSIONS = 1_000, 20
REQUESTS_A_SECOND = 300
SLOW_MS = 20
CLIENTS = 8
SEED = 5

INSERT = """
WITH project AS (SELECT id FROM core_project WHERE slug = %(slug)s),
made AS (
    INSERT INTO prompts_prompt (project_id, key, name, description, tags, created_at)
    SELECT id, 'bench-' || n, '', '', '{}', now()
    FROM project, generate_series(0, %(prompts)s - 1) AS n
    RETURNING id, key
),
written AS (
    INSERT INTO prompts_promptversion (
        prompt_id, number, system, user_template, variables, variables_found, recommended_config,
        note, author_label, revision, created_at, updated_at, published_at
    )
    SELECT id, number, repeat('You answer for ' || key || '. ', 20),
        'v' || number || ': {{ question }}', '[]', '{question}', '', 'bench', 'bench', 0,
        now(), now(), now()
    FROM made, generate_series(1, %(versions)s) AS number
    RETURNING id, prompt_id, number
),
labelled AS (
    INSERT INTO prompts_promptlabel (prompt_id, name, version_id, is_protected)
    SELECT prompt_id, 'production', id, false FROM written WHERE number = %(versions)s - 1
)
INSERT INTO prompts_promptcatalogue (project_id, revision) SELECT id, 1 FROM project
ON CONFLICT (project_id) DO UPDATE SET revision = prompts_promptcatalogue.revision + 1
RETURNING project_id, revision
"""


def prompts(run: Run) -> list[Row]:
    """A thousand prompts of twenty versions; 300 requests a second, sent when due."""
    etag = fill(run)
    weights = [1 / rank for rank in range(1, PROMPTS + 1)]  # Zipf: few are asked for often
    keys = random.Random(SEED).choices(range(PROMPTS), weights, k=REQUESTS_A_SECOND * 60)
    resolve = [f"/api/v1/prompts/bench-{key}/resolve" for key in keys]
    rows = [
        *at_rate(run, "resolve", resolve, None, 200),
        *at_rate(run, "resolve, not modified", resolve, etag, 304),
        *at_rate(run, "/fallom/prompts, not modified", ["/fallom/prompts"], etag, 304),
        *whole_list(run),
    ]
    return [*rows, rendering()]


def fill(run: Run) -> str:
    """Insert the prompts; the ETag of what is served then."""
    values = {"slug": SLUG, "prompts": PROMPTS, "versions": VERSIONS}
    with run.installation.database() as database:
        found = database.execute(INSERT, values).fetchone()
        database.execute("ANALYZE prompts_prompt, prompts_promptversion, prompts_promptlabel")
    assert found is not None
    return f'"prompts-{found[0]}-{found[1]}"'


def at_rate(run: Run, what: str, paths: list[str], etag: str | None, wanted: int) -> list[Row]:
    n_calls = int(REQUESTS_A_SECOND * run.seconds(usual=20, quick=3))
    addresses = list(itertools.islice(itertools.cycle(paths), n_calls))
    headers = {"If-None-Match": etag} if etag else {}
    ledger, slow = Ledger(), list[tuple[float, float]]()

    def call(connection: Connection, index: int, due: float) -> None:
        try:
            status, _ = connection.send("GET", addresses[index], headers=headers)
        except Failure as error:
            ledger.note(type(error).__name__, time.perf_counter() - due, lost=1)
            return
        now = time.perf_counter()
        ledger.note(str(status), now - due, lost=int(status != wanted))
        if (now - due) * 1e3 >= SLOW_MS:
            slow.append((round(index / REQUESTS_A_SECOND, 2), round((now - due) * 1e3)))

    before = tree_cpu(run.installation.pid)
    pace = Pace(run.installation.connect, rate=REQUESTS_A_SECOND, connections=CLIENTS)
    pace.run(n_calls, call)
    cpu = (tree_cpu(run.installation.pid) - before) / n_calls
    run.notes[f"prompts {what}"] = {
        "answers": dict(ledger.statuses),
        "slow (due after s, took ms)": slow[:200],
    }
    return [
        Row("prompts", f"{what} p50", percentile(ledger.latencies, 50) * 1e3, "ms"),
        Row("prompts", f"{what} p99", percentile(ledger.latencies, 99) * 1e3, "ms", below(SLOW_MS)),
        Row("prompts", f"{what}, CPU a request", cpu * 1e3, "ms"),
        Row("prompts", f"{what}: answers other than {wanted}", ledger.lost, "", at_most(0)),
    ]


def whole_list(run: Run) -> list[Row]:
    """What a client of Fallom fetches at its start, one after the other: megabytes."""
    connection, times, size = run.installation.connect(), [], 0
    for _ in range(int(run.seconds(usual=20, quick=6))):
        began = time.perf_counter()
        status, body = connection.send("GET", "/fallom/prompts")
        times.append(time.perf_counter() - began)
        size = len(body) if status == 200 else 0
    connection.close()
    return [
        Row("prompts", "/fallom/prompts, all of it, size", size / 1e6, "MB"),
        Row("prompts", "/fallom/prompts, all of it, p50", percentile(times, 50) * 1e3, "ms"),
    ]


def rendering() -> Row:
    """A megabyte of templates, a variable in every hundred characters, in this process."""
    piece = "{{ name }} " + "x" * 89
    template = piece * (MAX_TEMPLATE_BYTES // len(piece))
    texts = Texts(template, template, (Message("user", template), Message("assistant", template)))
    times = []
    for _ in range(21):
        began = time.process_time()
        render(texts, {"name": "Ada Lovelace"})
        times.append(time.process_time() - began)
    return Row("prompts", "rendering 1 MB, CPU p50", percentile(times, 50) * 1e3, "ms", below(10))
