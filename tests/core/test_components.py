import hashlib
import json
import re
from pathlib import Path

from django.conf import settings
from django.template import Context, Template
from django.test import RequestFactory

from core.templatetags.components import json_view
from core.templatetags.richtext import markdown

VENDOR = Path(settings.BASE_DIR, "static", "vendor")
TEMPLATES = Path(settings.BASE_DIR, "templates")


def test_vendored_files_are_those_of_the_manifest():
    packages = json.loads((VENDOR / "vendor.json").read_text())
    files = [file for package in packages for file in package["files"]]

    assert [file["file"] for file in files if _sha256(file["file"]) != file["sha256"]] == []
    assert all(package["version"] and package["licence"] for package in packages)


def _sha256(name: str) -> str:
    return hashlib.sha256((VENDOR / name).read_bytes()).hexdigest()


def test_no_vendored_file_names_a_source_map():
    named = [
        path.name for path in VENDOR.glob("*.min.*") if b"sourceMappingURL" in path.read_bytes()
    ]

    assert named == []


def test_every_icon_that_a_template_names_is_drawn():
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (VENDOR / "icons.svg").read_text()))
    pages = "\n".join(path.read_text() for path in TEMPLATES.rglob("*.html"))

    named = set(re.findall(r"{% icon \"([^\"]+)\"", pages))
    named |= set(re.findall(r"icon_name=\"([^\"]+)\"", pages))

    assert named - drawn == set()


def test_no_template_holds_inline_script_or_style():
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:")

    assert [
        path.name for path in TEMPLATES.rglob("*.html") if inline.search(path.read_text())
    ] == []


def test_json_is_escaped_and_folded():
    shown = json_view({"<b>": ["<script>", None, True, 1]})

    assert "&lt;b&gt;" in shown
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert shown.count("<details") == 2
    assert ">true<" in shown


def test_large_json_is_cut_and_says_so():
    shown = json_view(list(range(1_000)))

    assert shown.count("<li>") == 200
    assert "800 more not shown" in shown


def test_deep_json_ends():
    value: object = "bottom"
    for _ in range(500):
        value = [value]

    assert "bottom" not in json_view(value)


def test_markdown_is_formatted_without_anything_that_loads_or_runs():
    shown = markdown(
        "**bold** <img src=x onerror=alert(1)> ![pixel](https://tracker.example/x.png)\n\n"
        "[link](javascript:alert(1)) [site](https://example.org)\n\n<script>alert(1)</script>"
    )

    assert "<strong>bold</strong>" in shown
    assert "<img" not in shown
    assert "<script" not in shown
    assert 'href="javascript' not in shown
    assert 'rel="noopener noreferrer nofollow ugc"' in shown


def test_an_interval_is_placed_on_its_scale():
    drawn = Template(
        "{% interval_bar 0 5 10 lowest=-10 highest=10 tone='good' label='better' %}"
    ).render(Context())

    assert 'class="interval interval--good"' in drawn
    assert 'cx="75.00%"' in drawn
    assert drawn.count('x1="50.00%"') == 3


def test_an_interval_that_is_not_known_is_a_dash():
    assert "–" in Template("{% interval_bar None 5 None lowest=0 highest=1 %}").render(Context())


def test_a_column_head_turns_its_sort_round():
    head = Template('{% include "_sort.html" with key="cost" label="Cost" default="-last_at" %}')

    fresh = head.render(Context({"request": RequestFactory().get("/?q=a&cursor=x")}))
    sorted_down = head.render(Context({"request": RequestFactory().get("/?sort=-cost")}))

    assert 'href="?q=a&amp;sort=-cost"' in fresh
    assert 'aria-sort="descending"' in sorted_down
    assert 'href="?sort=cost"' in sorted_down
