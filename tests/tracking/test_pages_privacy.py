"""The privacy page: what it changes, what it shows, what it refuses."""

import datetime

import pytest
from django.utils import timezone

from core.jobs import work_on_jobs
from core.models import AuditEntry, Job, Project
from tests.cast import make_client
from tests.flows import digest_all, make_sender, make_span, send_events
from tracking import privacy_pages
from tracking.erasure import count_waiting, start_erasure
from tracking.models import ErasedSubject, Event

pytestmark = pytest.mark.usefixtures("pipeline")
PAGE = "/p/alpha/settings/privacy/"


@pytest.fixture
def admin(dana):
    return make_client(dana)


def saved():
    return Project.objects.get(slug="alpha")


def text_of(response):
    return response.content.decode()


def test_it_shows_the_defaults(admin, alpha):
    page = text_of(admin.get(PAGE))

    assert page.count('name="patterns"') == 3
    assert page.count(" checked") == 2  # content is kept, secrets are masked
    assert "Nobody was erased." in page


def test_it_saves_what_is_captured_and_masked(admin, alpha):
    own = "emp EMP-\\d+\nticket  #\\d{4,}"
    admin.post(PAGE, {"patterns": ["email", "card"], "own": own})

    project = saved()
    assert project.capture_content is False
    assert project.masking == {
        "patterns": ["email", "card"],
        "own": [
            {"name": "emp", "pattern": "EMP-\\d+"},
            {"name": "ticket", "pattern": "#\\d{4,}"},
        ],
    }
    entry = AuditEntry.objects.get(action="privacy.content")
    assert entry.detail == {"capture_content": False, "masking": "email, card, emp, ticket"}
    assert entry.actor_label == "dana"


def test_saving_what_is_there_records_nothing(admin, alpha):
    admin.post(PAGE, {"capture_content": "on", "patterns": ["secret"]})
    admin.post(PAGE, {"capture_content": "on", "patterns": ["secret"]})

    assert AuditEntry.objects.filter(action="privacy.content").count() == 0


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("emp", "a name, a space, then the pattern"),
        ("emp (", "emp: missing"),
        ("email x", "is the name of another pattern"),
        ("emp <script>(", "missing"),
    ],
)
def test_it_refuses_a_bad_pattern_and_says_why(admin, alpha, own, message):
    response = admin.post(PAGE, {"own": own})

    assert response.status_code == 400
    assert message in text_of(response)
    assert "<script>(" not in text_of(response)
    assert saved().masking == {}


def test_masks_are_tried_without_saving(admin, alpha):
    said = "ada@example.com <b>4111 1111 1111 1111</b>"
    response = admin.post(f"{PAGE}try/", {"patterns": ["email", "card"], "trial": said})

    assert "[email] &lt;b&gt;[card]&lt;/b&gt;" in text_of(response)
    assert saved().masking == {}


def test_it_saves_retention(admin, alpha):
    admin.post(f"{PAGE}retention/", {"retention_days": "30", "summary_days": "365"})

    assert (saved().retention_days, saved().summary_days) == (30, 365)
    assert AuditEntry.objects.get(action="privacy.retention").detail == {
        "retention_days": 30,
        "summary_days": 365,
    }

    admin.post(f"{PAGE}retention/", {"retention_days": "", "summary_days": ""})
    assert (saved().retention_days, saved().summary_days) == (None, None)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"retention_days": "0"}, "greater than or equal to 1"),
        ({"retention_days": "99999999999"}, "less than or equal to"),
        ({"retention_days": "x"}, "Enter a whole number"),
        ({"summary_days": "10"}, "cannot go while their events are kept"),
        ({"retention_days": "20", "summary_days": "10"}, "cannot go before their events"),
    ],
)
def test_it_refuses_days_that_make_no_sense(admin, alpha, fields, message):
    response = admin.post(f"{PAGE}retention/", fields)

    assert response.status_code == 400
    assert message in text_of(response)
    assert saved().retention_days is None


def test_it_says_how_much_would_go(admin, alpha):
    send_events(make_sender(alpha), [make_span("t", "a")])
    digest_all()
    start = timezone.now() - datetime.timedelta(days=3)
    send_events(make_sender(alpha), [make_span("old", n, start=start) for n in "ab"])
    digest_all()

    admin.post(f"{PAGE}retention/", {"retention_days": "1"})

    assert "2 events are older than that" in text_of(admin.get(PAGE))


def test_it_erases_and_says_what_went_without_naming_anybody(admin, alpha):
    send_events(make_sender(alpha), [make_span("t", "a", user_id="ada-Zanzibar")])
    digest_all()

    admin.post(f"{PAGE}erase/", {"kind": "user", "name": "ada-Zanzibar"})
    at_work = admin.get(f"{PAGE}erasures/")
    work_on_jobs(seconds=60)
    done = admin.get(f"{PAGE}erasures/")

    record = ErasedSubject.objects.get()
    assert 'hx-trigger="every 2s"' in text_of(at_work)
    assert "hx-trigger" not in text_of(done)
    assert record.reference in text_of(done)
    assert "1 events" in text_of(done)
    assert "Zanzibar" not in text_of(admin.get(PAGE)) + text_of(at_work) + text_of(done)
    assert not Event.objects.exists()


def test_a_tombstone_can_be_lifted_by_its_own_project_alone(admin, alpha, beta):
    admin.post(f"{PAGE}erase/", {"kind": "user", "name": "u"})
    record = ErasedSubject.objects.get()
    assert admin.post(f"{PAGE}erasures/{record.pk}/lift/").status_code == 404  # at work still
    work_on_jobs(seconds=60)
    other = ErasedSubject.objects.create(
        project_id=beta.pk,
        kind="user",
        hash=b"x" * 32,
        requested_by="charlie",
        requested_at=record.requested_at,
        erased_at=record.requested_at,
    )

    assert admin.post(f"{PAGE}erasures/{other.pk}/lift/").status_code == 404
    assert admin.post(f"{PAGE}erasures/{record.pk}/lift/").status_code == 302
    assert list(ErasedSubject.objects.all()) == [other]


def test_a_link_may_fill_in_whom_to_erase(admin, alpha):
    page = text_of(admin.get(PAGE, {"session": 'a"b'}))

    assert 'value="a&quot;b"' in page


def test_editors_do_not_see_it(erin, alpha):
    assert make_client(erin).get(PAGE).status_code == 403
    assert PAGE not in text_of(make_client(erin).get("/p/alpha/settings/keys/"))


def test_a_failed_erasure_says_so(admin, alpha):
    admin.post(f"{PAGE}erase/", {"kind": "user", "name": "u"})
    Job.objects.update(state="failed", error="ValueError: <b>")

    assert "stopped" in text_of(admin.get(PAGE))


def test_it_asks_a_fixed_number_of_questions(admin, alpha, django_assert_max_num_queries):
    for n in range(5):
        admin.post(f"{PAGE}erase/", {"kind": "user", "name": f"u{n}"})
    work_on_jobs(seconds=60)

    with django_assert_max_num_queries(15):
        admin.get(PAGE)


def test_it_shows_the_newest_erasures_and_pages_the_rest(admin, alpha, monkeypatch):
    monkeypatch.setattr(privacy_pages, "SHOWN", 2)
    records = [start_erasure(alpha, "user", f"u{n}") for n in range(3)]

    first = admin.get(PAGE)
    following = admin.get(f"{PAGE}?cursor={first.context['next_cursor']}")

    pages = [[row["record"].pk for row in page.context["erasures"]] for page in (first, following)]
    assert pages == [[records[2].pk, records[1].pk], [records[0].pk]]
    assert all(row["job"] for page in (first, following) for row in page.context["erasures"])
    assert following.context["next_cursor"] == ""


def test_waiting_requests_are_counted_for_each_erasure(alpha):
    sender = make_sender(alpha)
    records = []
    for n in range(3):
        send_events(sender, [make_span("t", f"s{n}")])
        records.append(start_erasure(alpha, "user", f"u{n}"))
    send_events(sender, [make_span("t", "later")])

    assert list(count_waiting(alpha.pk, records).values()) == [1, 2, 3]
    digest_all()
    assert set(count_waiting(alpha.pk, records).values()) == {0}
    assert count_waiting(alpha.pk, []) == {}
