"""Which experiments the sessions of a prompt took part in, by version: a fragment of its page."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.access import PageRequest, project_view
from core.models import Project
from core.timebuckets import TimeRange
from tracking.filterbar import read_page_filter
from tracking.statements import fetch_all

SESSIONS_LOOKED_AT = 1_000
ROWS_SHOWN = 50
# Parameters: project, start, end, sessions; facet, project, facet; project, rows.
USES = """
WITH latest AS (
    SELECT session_id FROM tracking_session
    WHERE project_id = %s AND last_at >= %s AND last_at < %s
    ORDER BY last_at DESC LIMIT %s
), used AS (
    SELECT latest.session_id, substr(facet, length(%s) + 1) AS version
    FROM latest JOIN tracking_sessiontext t
      ON t.project_id = %s AND t.session_id = latest.session_id,
      unnest(t.facets) AS facet
    WHERE starts_with(facet, %s)
)
SELECT a.experiment, a.variant, used.version, count(DISTINCT used.session_id)
FROM used JOIN tracking_armseen a
  ON a.project_id = %s AND a.session_id = used.session_id
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class PromptUse:
    experiment: str
    variant: str
    version: str
    sessions: int


def list_uses(project_id: int, prompt: str, time_range: TimeRange) -> list[PromptUse]:
    """Of the latest 1,000 sessions of the time range."""
    facet = f"prompt:{prompt}@"
    latest = [project_id, time_range.start, time_range.end, SESSIONS_LOOKED_AT]
    params = [*latest, facet, project_id, facet, project_id, ROWS_SHOWN]
    return [PromptUse(*row) for row in fetch_all(USES, params)]


@require_GET
@project_view()
def prompt_fragment(request: PageRequest, project: Project) -> HttpResponse:
    page = read_page_filter(request, now=timezone.now())
    uses = list_uses(project.pk, page.flt.prompt, page.time_range) if page.flt.prompt else []
    context = {"uses": uses, "prompt": page.flt.prompt, "looked_at": SESSIONS_LOOKED_AT}
    return render(request, "experiments/_prompt_uses.html", context)
