import pytest
from django.test import RequestFactory

from core.api import Problem
from core.paging import CursorError, filters_of, page_of, read_cursor, sign_cursor

requests = RequestFactory()
ROWS = [{"at": n // 2, "id": n} for n in range(7)]


def fetch(after, limit):
    return [row for row in ROWS if after is None or [row["at"], row["id"]] > after][:limit]


def page(query="", *, project_id=1, path="/api/v1/rows"):
    return page_of(
        requests.get(f"{path}?{query}"),
        fetch,
        position_of=lambda row: [row["at"], row["id"]],
        serialize=lambda row: row["id"],
        project_id=project_id,
    )


def test_it_pages_through_everything_once():
    seen, query = [], "page_size=3&status=error"
    while query is not None:
        body = page(query)
        seen.append(body["results"])
        query = body["next"] and body["next"].partition("?")[2]

    assert seen == [[0, 1, 2], [3, 4, 5], [6]]


def test_the_last_full_page_has_no_next():
    assert page("page_size=7") == {"results": list(range(7)), "next": None}


def cursor_query(body):
    return body["next"].partition("?")[2]


def test_a_cursor_belongs_to_one_project_filter_and_list():
    query = cursor_query(page("page_size=2&status=error"))

    assert page(query)["results"] == [2, 3]
    for other in (
        {"query": query, "project_id": 2},
        {"query": query.replace("error", "ok")},
        {"query": query, "path": "/api/v1/others"},
        {"query": query.replace("cursor=", "cursor=x")},
    ):
        with pytest.raises(Problem, match="cursor"):
            page(**other)


@pytest.mark.parametrize("size", ["0", "-1", "1e9", "x", "99999", "٣"])
def test_it_refuses_a_senseless_page_size(size):
    with pytest.raises(Problem, match="page_size"):
        page(f"page_size={size}")


def test_a_large_page_size_is_capped():
    assert page("page_size=201")["results"] == list(range(7))


def test_the_order_of_parameters_makes_no_other_list():
    assert filters_of(requests.get("/x?b=2&a=1&cursor=q")) == filters_of(requests.get("/x?a=1&b=2"))


def test_a_cursor_keeps_its_values():
    cursor = sign_cursor(["ü/&", 2**60, None], project_id=1, filters="f")

    assert read_cursor(cursor, project_id=1, filters="f") == ["ü/&", 2**60, None]
    with pytest.raises(CursorError):
        read_cursor("", project_id=1, filters="f")
