import json

import pytest

from core.keys import issue_key
from core.models import Scope
from prompts import catalogue
from prompts.acting import Author
from prompts.drafts import Draft, create_draft, set_archived
from prompts.labels import move_label, protect_label
from prompts.models import LabelMove, Prompt, PromptLabel, PromptVersion
from tests.cast import make_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(alpha):
    _, raw = issue_key(alpha, "test", [Scope.READ, Scope.MANAGE], actor=None)
    return make_client(key=raw)


def send(client, method, path, body=None, **headers):
    response = getattr(client, method)(
        f"/api/v1/prompts{path}",
        json.dumps(body),
        content_type="application/json",
        headers=headers,
    )
    return response.status_code, response.json()


def read(client, path, **headers):
    response = client.get(path, headers=headers)
    return response.status_code, response.json() if response.content else None


def test_a_prompt_is_written_published_and_served(api):
    assert send(api, "post", "", {"key": "greet", "name": "Greeting", "tags": ["x"]})[0] == 201
    status, draft = send(api, "post", "/greet/versions", {"user_template": "Hi {{name}}"})
    assert (status, draft["number"], draft["status"]) == (201, 1, "draft")
    assert read(api, "/api/v1/prompts/greet/resolve")[0] == 404

    status, version = send(api, "post", "/greet/versions/1/publish", {"note": "first"})

    assert (status, version["status"], version["variables_found"]) == (200, "published", ["name"])
    assert read(api, "/api/v1/prompts/greet/resolve") == (
        200,
        {
            "key": "greet",
            "version": 1,
            "system": "",
            "user_template": "Hi {{name}}",
            "messages": None,
            "variables": ["name"],
            "labels": [],
            "recommended_config": "",
        },
    )


def test_a_version_is_written_published_and_labelled_in_one_go(api, prompt):
    body = {
        "system": "Be kind",
        "messages": [{"role": "user", "content": " {{q}} "}],
        "variables": [{"name": "q", "example": "why?"}],
        "note": "kinder",
        "publish": True,
        "labels": ["production", "staging"],
    }

    status, version = send(api, "post", "/support-answer/versions", body)

    assert (status, version["labels"]) == (201, ["production", "staging"])
    assert version["messages"] == [{"role": "user", "content": " {{q}} "}]
    assert version["author"].startswith("API key ")
    found = read(api, "/api/v1/prompts/support-answer")[1]
    assert (found["labels"], found["latest_version"]) == ({"production": 1, "staging": 1}, 1)


def test_the_current_version_is_that_of_production_else_the_newest(api, prompt, published, writer):
    published("one")
    published("two")
    resolve = "/api/v1/prompts/support-answer/resolve"

    assert read(api, resolve)[1]["version"] == 2
    move_label(prompt, "production", 1, "safe", writer)
    assert read(api, resolve)[1]["version"] == 1
    assert read(api, f"{resolve}?version=2")[1]["user_template"] == "two"
    assert read(api, f"{resolve}?label=staging")[0] == 404
    assert read(api, f"{resolve}?version=9")[0] == 404
    assert read(api, f"{resolve}?version=x")[0] == 400
    assert read(api, f"{resolve}?version=1&label=production")[0] == 400


def test_a_draft_and_a_label_that_serves_nothing_are_not_found(api, prompt, published, writer):
    published("one")
    create_draft(prompt, Draft(user_template="two"), writer)
    PromptLabel.objects.create(prompt=prompt, name="production", version=None)
    resolve = "/api/v1/prompts/support-answer/resolve"

    assert read(api, f"{resolve}?version=2")[0] == 404
    assert read(api, f"{resolve}?label=production")[0] == 404
    assert read(api, resolve)[1]["version"] == 1
    assert read(api, "/api/v1/prompts/a%00b/resolve")[0] == 404


@pytest.mark.parametrize("path", ["/api/v1/prompts/support-answer/resolve", "/fallom/prompts"])
def test_what_is_current_is_not_sent_again(api, prompt, published, writer, path):
    published("one")
    etag = api.get(path)["ETag"]

    again = api.get(path, headers={"if-none-match": etag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)

    move_label(prompt, "production", 1, "now", writer)
    assert api.get(path, headers={"if-none-match": etag}).status_code == 200


def test_fallom_sees_all_versions_with_the_current_one_last(api, prompt, published, writer):
    for text in ("one", "two", "three"):
        published(text)
    move_label(prompt, "production", 2, "safe", writer)

    listed = read(api, "/fallom/prompts")[1]["prompts"]

    assert [entry["version"] for entry in listed] == [1, 3, 2]
    assert listed[-1] == {
        "key": "support-answer",
        "version": 2,
        "system_prompt": "",
        "user_template": "two",
    }


def test_an_archived_prompt_is_served_no_more(api, prompt, published, writer):
    published("one")
    set_archived(prompt, writer, archived=True)

    assert read(api, "/api/v1/prompts/support-answer/resolve")[0] == 404
    assert read(api, "/fallom/prompts")[1] == {"prompts": []}


def test_a_prompt_is_rendered(api, published):
    published("Hi {{name}}, {{question}}")
    body = {"variables": {"name": "Ada", "spare": 1}}

    status, rendered = send(api, "post", "/support-answer/render", body)

    assert (status, rendered["user"]) == (200, "Hi Ada, {{question}}")
    assert (rendered["missing"], rendered["unused"]) == (["question"], ["spare"])
    status, problem = send(api, "post", "/support-answer/render", {**body, "strict": True})
    assert (status, problem["errors"]) == (400, {"missing": ["question"], "unused": ["spare"]})


def test_a_label_moves_by_key_and_waits_where_it_is_protected(api, prompt, published, approver):
    published("one")
    published("two")
    path = "/support-answer/labels/production"
    assert send(api, "put", path, {"version": 1, "reason": "first"}) == (
        200,
        {"label": "production", "version": 1, "from_version": None, "status": "moved"},
    )
    protect_label(prompt, "production", approver, protected=True)

    status, answer = send(api, "put", path, {"version": 2, "reason": "better"})

    assert (status, answer["status"]) == (202, "waits_for_approval")
    assert LabelMove.objects.count() == 1
    assert send(api, "put", path, {"version": 2, "reason": "better"})[0] == 409


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("", {"key": "support-answer"}, 409, "key_taken"),
        ("", {"key": "a/b"}, 400, "invalid"),
        ("", {}, 400, "invalid"),
        ("", ["key"], 400, "invalid"),
        ("/nothing/versions", {"system": "x"}, 404, None),
        ("/support-answer/versions", {"system": 3 * ["x"]}, 400, "invalid"),
        ("/support-answer/versions", {"labels": ["production"]}, 400, "not_published"),
        ("/support-answer/versions", {"system": "x", "publish": True}, 400, "note_missing"),
        ("/support-answer/versions", {"system": "x" * 262_145}, 400, "too_large"),
        (
            "/support-answer/versions",
            {"messages": [{"role": "boss", "content": ""}]},
            400,
            "bad_message",
        ),
    ],
)
def test_what_cannot_be_written_changes_nothing(api, prompt, path, body, status, code):
    found, problem = send(api, "post", path, body)

    assert found == status, problem
    assert problem["type"] == (f"urn:assay:problem:{code}" if code else "about:blank")
    assert (Prompt.objects.count(), PromptVersion.objects.count()) == (1, 0)


def test_a_write_under_the_same_key_is_answered_the_same_and_done_once(api, prompt):
    body = {"system": "x"}
    once = {"idempotency-key": "abc"}

    first = send(api, "post", "/support-answer/versions", body, **once)
    second = send(api, "post", "/support-answer/versions", body, **once)

    assert first == second
    assert PromptVersion.objects.count() == 1
    assert send(api, "post", "/support-answer/versions", {"system": "y"}, **once)[0] == 422


def test_a_write_that_failed_may_be_tried_again_under_its_key(api, prompt):
    once = {"idempotency-key": "abc"}
    bad = {"system": "x", "publish": True}
    assert send(api, "post", "/support-answer/versions", bad, **once)[0] == 400

    assert send(api, "post", "/support-answer/versions", {"system": "x"}, **once)[0] == 201


def test_prompts_and_versions_are_listed_page_by_page(api, alpha, writer, published):
    for text in ("one", "two", "three"):
        published(text)
    send(api, "post", "", {"key": "another"})

    first = read(api, "/api/v1/prompts?page_size=1")[1]
    second = read(api, first["next"])[1]
    assert [page["results"][0]["key"] for page in (first, second)] == ["another", "support-answer"]
    assert second["next"] is None
    versions = read(api, "/api/v1/prompts/support-answer/versions?page_size=2")[1]
    assert [v["number"] for v in versions["results"]] == [3, 2]
    assert [v["number"] for v in read(api, versions["next"])[1]["results"]] == [1]


def test_another_projects_prompts_do_not_exist(api, beta, charlie):
    from prompts.drafts import Draft, create_draft, create_prompt, publish

    author = Author.of_user(charlie)
    theirs = create_prompt(beta, "secret", author)
    publish(create_draft(theirs, Draft(system="canary"), author), "note", author)

    assert read(api, "/api/v1/prompts")[1]["results"] == []
    assert read(api, "/api/v1/prompts/secret")[0] == 404
    assert read(api, "/api/v1/prompts/secret/resolve")[0] == 404
    assert read(api, "/api/v1/prompts/secret/versions/1")[0] == 404
    assert read(api, "/fallom/prompts")[1] == {"prompts": []}


def test_serving_asks_the_database_little(api, prompt, published, django_assert_num_queries):
    published("one")
    path = "/api/v1/prompts/support-answer/resolve"
    etag = api.get(path)["ETag"]

    with django_assert_num_queries(1):
        api.get(path)
    with django_assert_num_queries(1):
        api.get(path, headers={"if-none-match": etag})


def test_answers_of_an_earlier_state_are_not_kept(api, prompt, published, writer):
    published("one")
    for n in range(3):
        read(api, "/api/v1/prompts/support-answer/resolve")
        api.get("/fallom/prompts")
        move_label(prompt, f"l{n}", 1, "why", writer)

    assert [len(answers) for _, answers in catalogue._kept.values()] == [2]


@pytest.mark.parametrize("version", ["0", "-1", "x", "9" * 11, "9" * 5_000])
def test_a_version_that_is_no_number_is_refused(api, published, version):
    published("one")

    answer = api.get(f"/api/v1/prompts/support-answer/resolve?version={version}")

    assert answer.status_code == 400


def test_a_list_reads_no_texts(api, published, django_assert_num_queries):
    published("one")
    api.get("/api/v1/prompts")

    with django_assert_num_queries(3) as asked:
        api.get("/api/v1/prompts")

    assert "user_template" not in "".join(query["sql"] for query in asked.captured_queries)
