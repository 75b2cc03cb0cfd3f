"""The prompts' admin: each action on prompts, drafts and versions through its page."""

from html import unescape

import pytest

from core.models import AuditEntry
from prompts.drafts import Draft, create_draft, save_draft, set_archived
from prompts.labels import move_label, protect_label
from prompts.models import Prompt, PromptVersion
from tests.cast import make_client
from tests.prompts.admin_pages import BASE, draft_form, read

pytestmark = pytest.mark.django_db


class TestList:
    def test_it_shows_the_prompts_of_ones_projects_with_labels_and_state(
        self, editor, prompt, published, writer
    ):
        published("one")
        move_label(prompt, "production", 1, "first", writer)
        create_draft(prompt, Draft(user_template="two"), writer)

        page = editor.get(BASE).content.decode()

        for text in ("support-answer", "Support answer", "production", "v1", "1 draft"):
            assert text in page

    def test_it_is_searched_and_filtered(self, editor, prompt, writer, alpha, beta):
        def listed(query):
            return "support-answer" in editor.get(f"{BASE}?{query}").content.decode()

        assert listed("q=answer") is True
        assert listed("q=question") is False
        assert listed("project=alpha") is True
        assert listed("state=waiting") is False
        assert editor.get(f"{BASE}?project=beta").status_code == 404
        assert editor.get(f"{BASE}?created_by__password__startswith=m").status_code == 400
        set_archived(prompt, writer, archived=True)
        assert listed("project=alpha") is False
        assert listed("state=archived") is True

    def test_a_prompt_whose_move_waits_is_found(self, editor, prompt, published, writer, approver):
        published("one")
        protect_label(prompt, "production", approver, protected=True)
        move_label(prompt, "production", 1, "please", writer)

        page = editor.get(f"{BASE}?state=waiting").content.decode()

        assert "1 request" in page
        assert "support-answer" in page

    def test_it_reads_little_however_many_there_are(
        self, editor, alpha, prompt, published, writer, django_assert_max_num_queries
    ):
        published("one")
        move_label(prompt, "production", 1, "first", writer)
        Prompt.objects.bulk_create(Prompt(project=alpha, key=f"p{n}") for n in range(60))

        with django_assert_max_num_queries(13):
            assert editor.get(f"{BASE}?project=alpha").status_code == 200
        assert "Next page" in editor.get(BASE).content.decode()
        assert "support-answer" in editor.get(f"{BASE}?p=2").content.decode()


class TestNewPrompt:
    def test_it_is_created_in_a_project_one_edits(self, editor, alpha, beta):
        fields = {"project": "alpha", "key": "greet", "name": "Greeting", "tags": "a, b, a"}

        response = editor.post(f"{BASE}add/", fields)

        prompt = Prompt.objects.get()
        assert response["Location"] == f"{BASE}{prompt.pk}/drafts/add/"
        assert (prompt.project, prompt.key, prompt.tags) == (alpha, "greet", ["a", "b"])
        assert AuditEntry.objects.get(action="prompt.create").actor_label == "erin"

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"key": "support-answer"}, "A prompt 'support-answer' exists already."),
            ({"key": "a/b"}, "Use letters, digits"),
            ({"key": ""}, "This field is required."),
            ({"key": "x", "project": "beta"}, "Select a valid choice."),
            ({"key": "x", "project": "a\0b"}, "Null characters are not allowed."),
            ({"key": "x", "tags": "a" * 65}, "A tag has at most 64 characters."),
            ({"key": "x\0"}, "Null characters are not allowed."),
        ],
    )
    def test_what_cannot_be_is_refused_by_name(self, editor, prompt, beta, fields, said):
        response = editor.post(f"{BASE}add/", {"project": "alpha", **fields})

        assert response.status_code == 400
        assert said in unescape(response.content.decode())
        assert Prompt.objects.count() == 1


class TestDraft:
    def test_it_is_written_with_variables_and_read_back(self, editor, prompt, send):
        said = draft_form(
            ("name", "Ada"),
            ("", ""),
            system="Be kind.\r\nBe brief.",
            user_template=" Hi {{name}} ",
            messages='[{"role": "user", "content": "{{q}}"}]',
            recommended_config="fast",
            note="first",
        )

        assert send(editor, "drafts/add/", **said) == (200, ["v1 is saved as a draft."])

        version = PromptVersion.objects.get()
        assert (version.system, version.user_template) == ("Be kind.\nBe brief.", " Hi {{name}} ")
        assert version.messages == [{"role": "user", "content": "{{q}}"}]
        assert version.variables_found == ["name", "q"]
        assert version.variables == [
            {"name": "name", "type": "text", "example": "Ada", "description": ""}
        ]
        page = read(editor, prompt, "versions/1/")
        assert '<mark class="var var--filled" title="name">Ada</mark>' in page
        assert '<mark class="var" title="q has no example">{{q}}</mark>' in page
        assert "Used but not declared" in page

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"messages": "{"}, "This is no JSON: Expecting property name"),
            ({"messages": "{}"}, "A list of messages is wanted."),
            ({"messages": "[" * 100_000}, "nested too deeply"),
            ({"messages": "9" * 5_000}, "a number too long"),
            ({"messages": '[{"role": "boss", "content": ""}]'}, "messages[0]: A role is one of"),
            ({"messages": '[{"role": "user", "content": "\\ud800"}]'}, "half a surrogate pair"),
            ({"system": "x" * 262_145}, "a template holds at most 262,144"),
            ({"system": "a\0b"}, "Null characters are not allowed."),
            (draft_form(("a b", "")), "A name has letters, digits and '_' alone."),
            (draft_form(("a", ""), ("a", "")), "'a' is declared twice."),
            (draft_form(("", "lost")), "Give it a name, or empty the row."),
            ({"variables-TOTAL_FORMS": "x"}, "ManagementForm data is missing"),
        ],
    )
    def test_what_cannot_be_saved_stays_in_the_form(self, editor, prompt, fields, said):
        response = editor.post(
            f"{BASE}{prompt.pk}/drafts/add/",
            {**draft_form(), "user_template": "my own text", **fields},
        )

        page = unescape(response.content.decode())
        assert response.status_code == 400
        assert said in page
        assert "my own text" in page
        assert PromptVersion.objects.count() == 0

    def test_a_stale_draft_shows_who_saved_and_keeps_ones_text(
        self, editor, prompt, send, writer, approver
    ):
        draft = create_draft(prompt, Draft(user_template="one two three"), writer)
        save_draft(draft, Draft(user_template="one two four"), approver, revision=0)
        mine = draft_form(user_template="one two five", revision=0)

        response = editor.post(f"{BASE}{prompt.pk}/versions/1/edit/", mine)

        page = unescape(response.content.decode())
        assert response.status_code == 409
        assert "dana saved this draft at" in page
        assert "one two five</textarea>" in page
        assert "<del>four</del>" in page
        assert "<ins>five</ins>" in page
        assert 'name="revision" value="1"' in page
        assert PromptVersion.objects.get().user_template == "one two four"
        again = draft_form(user_template="one two five", revision=1)
        assert send(editor, "versions/1/edit/", **again) == (200, ["v1 is saved."])

    @pytest.mark.parametrize("end", ["publish", "discard"])
    def test_text_outlives_a_draft_that_is_none_any_more(self, editor, admin, prompt, send, end):
        send(editor, "drafts/add/", **draft_form(user_template="one"))
        send(admin, f"versions/1/{end}/", note="why", revision=0)

        response = editor.post(
            f"{BASE}{prompt.pk}/versions/1/edit/", draft_form(user_template="two", revision=0)
        )

        page = unescape(response.content.decode())
        assert response.status_code == 409
        assert "v1 is no draft any more. Your text is kept" in page
        assert "two</textarea>" in page

    def test_a_new_draft_begins_as_the_version_it_is_made_from(self, editor, prompt, published):
        published("the first")
        published("the second")

        page = read(editor, prompt, "drafts/add/?base=1")

        assert "the first</textarea>" in page
        assert 'name="base" value="1"' in page
        assert "the second</textarea>" in read(editor, prompt, "drafts/add/")

    def test_its_preview_renders_lints_and_escapes(self, editor, prompt):
        form = draft_form(
            ("name", "<b>Ada</b>"), ("spare", "x"), user_template="Hi {{name}} {{ a b }} {{q}}"
        )

        raw = editor.post(f"{BASE}{prompt.pk}/drafts/preview/", form).content.decode()

        assert "&lt;b&gt;Ada&lt;/b&gt;" in raw
        assert "<b>Ada" not in raw
        page = unescape(raw)
        assert "Line 1: '{{ a b }} {{q}}' is no variable" in page
        assert 'data-declare="q"' in page
        assert "Declared but not used: <code>spare</code>" in page
        assert PromptVersion.objects.count() == 0

    def test_a_preview_stays_within_bounds(self, editor, prompt):
        form = draft_form(("x", "y" * 2_000), user_template="{{x}}" * 2_200)

        page = editor.post(f"{BASE}{prompt.pk}/drafts/preview/", form).content.decode()

        assert "More than 4,194,304 characters." in page

    def test_it_is_discarded(self, editor, prompt, send, writer):
        create_draft(prompt, Draft(user_template="one"), writer)

        assert send(editor, "versions/1/discard/") == (200, ["The draft v1 is gone."])
        assert PromptVersion.objects.count() == 0


class TestVersion:
    def test_it_is_compared_with_any_other_word_by_word(self, editor, prompt, published):
        for text in ("one two three", "one two four", "five two four"):
            published(text)

        assert "<ins>five</ins>" in read(editor, prompt, "versions/3/")
        against_first = read(editor, prompt, "versions/3/?against=1")
        assert "What changes from v1" in against_first
        assert "<del>three</del>" in against_first
        assert editor.get(f"{BASE}{prompt.pk}/versions/9/").status_code == 404
        assert "What it says" in read(editor, prompt, "versions/3/?against=x")

    def test_content_is_escaped_everywhere(self, editor, prompt, published):
        hostile = "<script>alert(1)</script> {{<img src=x onerror=alert(1)>}}"
        published(hostile, note=hostile)
        published(f"{hostile} more", note=hostile)

        for path in ("change/", "versions/2/", "drafts/add/"):
            raw = editor.get(f"{BASE}{prompt.pk}/{path}").content.decode()
            assert "&lt;script&gt;alert(1)" in raw, path
            assert "<script>alert" not in raw, path
            assert "<img src=x" not in raw, path

    def test_a_draft_is_published_with_a_note(self, editor, prompt, send, writer):
        create_draft(prompt, Draft(user_template="one"), writer)

        assert send(editor, "versions/1/publish/", note="", revision=0)[1] == [
            "note: This field is required."
        ]
        assert send(editor, "versions/1/publish/", note="first", revision=0)[1] == [
            "v1 is published. It serves nobody until a label moves to it."
        ]
        assert PromptVersion.objects.get().is_published is True
        assert send(editor, "versions/1/publish/", note="again", revision=0)[1] == [
            "v1 is published: it never changes."
        ]

    def test_nothing_is_published_that_nobody_read(self, editor, prompt, send, writer, approver):
        draft = create_draft(prompt, Draft(user_template="one"), writer)
        save_draft(draft, Draft(user_template="two"), approver, revision=0)

        (told,) = send(editor, "versions/1/publish/", note="why", revision=0)[1]

        assert told.startswith("dana saved this draft at")
        assert PromptVersion.objects.get().is_published is False


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("?project=%00", 404),
        ("?state=%00", 200),
        ("?q=%00", 200),
        ("?p=x", 200),
        ("?p=9", 200),
        ("?project=nothing", 404),
        ("add/?project=%00", 404),
        ("{pk}/change/?before=x", 200),
        ("{pk}/change/?before=99999999999999", 200),
        ("{pk}/versions/1/?against=%00", 200),
        ("{pk}/versions/1/?against=%F0%9F%92%A9", 200),
        ("{pk}/versions/99999999999999999999/", 404),
        ("99999999999999999999/change/", 404),
        ("{pk}/drafts/add/?base=7", 404),
        ("{pk}/drafts/add/?base=%C2%B2", 200),
        ("{pk}/delete/", 302),  # there is none: as all of the admin that is not for editors
        ("{pk}/history/", 302),
    ],
)
def test_odd_addresses_get_plain_answers(editor, prompt, published, path, status):
    published("one")

    assert editor.get(BASE + path.format(pk=prompt.pk)).status_code == status


class TestPrompt:
    def test_it_is_archived_and_brought_back_by_admins(self, editor, admin, prompt, send):
        assert send(editor, "archive/", on=1)[0] == 403
        assert send(admin, "archive/", on=1)[1] == [
            "support-answer is archived: it is served no more."
        ]
        assert send(editor, "drafts/add/", **draft_form(system="x"))[0] == 400
        assert "New draft" not in read(editor, prompt)
        assert send(admin, "archive/", on=0)[1] == ["support-answer is back."]

    def test_it_is_renamed(self, editor, prompt, send):
        assert send(editor, "rename/", name="Answer", description="All", tags="x")[1] == ["Saved."]
        prompt.refresh_from_db()
        assert (prompt.name, prompt.tags) == ("Answer", ["x"])

    def test_every_action_is_audited_under_its_actor(self, editor, admin, prompt, send):
        send(editor, "drafts/add/", **draft_form(system="x"))
        send(editor, "versions/1/edit/", **draft_form(system="y", revision=0))
        send(editor, "versions/1/publish/", note="why", revision=1)
        send(editor, "labels/move/", label="production", version=1, reason="go")
        send(admin, "labels/protect/", label="production", on=1)

        found = AuditEntry.objects.order_by("id").values_list("action", "actor_label")
        assert list(found)[1:] == [
            ("prompt.draft", "erin"),
            ("prompt.draft.save", "erin"),
            ("prompt.publish", "erin"),
            ("prompt.label.move", "erin"),
            ("prompt.label.protect", "dana"),
        ]

    def test_old_versions_are_a_page_further(
        self, editor, prompt, writer, django_assert_max_num_queries
    ):
        for number in range(35):
            create_draft(prompt, Draft(user_template=str(number)), writer)

        with django_assert_max_num_queries(15):
            page = read(editor, prompt)
        assert "?before=6#versions" in page
        older = read(editor, prompt, "change/?before=6")
        assert "versions/5/" in older
        assert "versions/6/" not in older

    def test_a_version_page_reads_little(
        self, editor, prompt, published, writer, django_assert_max_num_queries
    ):
        for number in range(5):
            published(f"text {number}")
        move_label(prompt, "production", 4, "go", writer)

        with django_assert_max_num_queries(13):
            read(editor, prompt, "versions/5/")

    def test_superusers_write_everywhere(self, root, prompt, send):
        assert send(make_client(root), "drafts/add/", **draft_form(system="x"))[1] == [
            "v1 is saved as a draft."
        ]
        assert PromptVersion.objects.get().author_label == "root"
