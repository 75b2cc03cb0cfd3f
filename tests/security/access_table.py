"""Who may use which address: the checked-in truth of ``test_access_matrix``.

A new route needs a row here. Keys are the routes as ``urls.py`` spells them, joined.
"""

from core.models import Role

VIEWER, ADMIN = Role.VIEWER, Role.ADMIN

# No login, no key.
OPEN = {
    "login",
    "logout",
    "healthz",
    "readyz",
    "metrics",
    "admin/login/",
    "api/schema/?",
    "api/docs/?",
    "v1/(?P<path>.+)",  # says that there is nothing
}

# Anybody who signed in.
SIGNED_IN = {""}

# Pages of a project: the lowest role, by method.
PAGES: dict[str, dict[str, Role]] = {
    "p/<slug:slug>/settings/": {"GET": VIEWER},
    "p/<slug:slug>/settings/keys/": {"GET": VIEWER, "POST": ADMIN},
    "p/<slug:slug>/settings/keys/publishable/": {"POST": ADMIN},
    "p/<slug:slug>/settings/keys/<int:key_id>/revoke/": {"POST": ADMIN},
    "p/<slug:slug>/settings/members/": {"GET": VIEWER, "POST": ADMIN},
    "p/<slug:slug>/settings/members/<int:membership_id>/role/": {"POST": ADMIN},
    "p/<slug:slug>/settings/members/<int:membership_id>/remove/": {"POST": ADMIN},
    "p/<slug:slug>/settings/audit/": {"GET": ADMIN},
    "p/<slug:slug>/settings/webhooks/": {"GET": ADMIN, "POST": ADMIN},
    "p/<slug:slug>/settings/webhooks/deliveries/": {"GET": ADMIN},
    "p/<slug:slug>/settings/webhooks/<int:webhook_id>/switch/": {"POST": ADMIN},
    "p/<slug:slug>/settings/webhooks/<int:webhook_id>/test/": {"POST": ADMIN},
    "p/<slug:slug>/settings/webhooks/<int:webhook_id>/delete/": {"POST": ADMIN},
    "p/<slug:slug>/settings/ingestion/": {"GET": VIEWER},
    "p/<slug:slug>/settings/ingestion/quarantine/": {"GET": VIEWER},
    "p/<slug:slug>/settings/ingestion/settle/": {"POST": Role.EDITOR},
    "p/<slug:slug>/settings/privacy/": {"GET": ADMIN, "POST": ADMIN},
    "p/<slug:slug>/settings/privacy/try/": {"POST": ADMIN},
    "p/<slug:slug>/settings/privacy/retention/": {"POST": ADMIN},
    "p/<slug:slug>/settings/privacy/erase/": {"POST": ADMIN},
    "p/<slug:slug>/settings/privacy/erasures/": {"GET": ADMIN},
    "p/<slug:slug>/settings/privacy/erasures/<int:erasure_id>/lift/": {"POST": ADMIN},
    "p/<slug:slug>/settings/prices/": {"GET": VIEWER, "POST": ADMIN},
    "p/<slug:slug>/settings/prices/<int:price_id>/end/": {"POST": ADMIN},
    "p/<slug:slug>/settings/prices/reprice/": {"POST": ADMIN},
    "p/<slug:slug>/settings/prices/stop/": {"POST": ADMIN},
    "p/<slug:slug>/settings/prices/progress/": {"GET": VIEWER},
    "p/<slug:slug>/settings/capabilities/": {"GET": VIEWER},
    "p/<slug:slug>/settings/attributes/": {"GET": VIEWER},
    "p/<slug:slug>/settings/attributes/remap/": {"POST": ADMIN},
    "p/<slug:slug>/settings/attributes/stop/": {"POST": ADMIN},
    "p/<slug:slug>/settings/attributes/progress/": {"GET": VIEWER},
    "p/<slug:slug>/": {"GET": VIEWER},
    "p/<slug:slug>/freshness/": {"GET": VIEWER},
    "p/<slug:slug>/usage/": {"GET": VIEWER},
    "p/<slug:slug>/sessions/": {"GET": VIEWER},
    "p/<slug:slug>/sessions/<anyid:session_id>/": {"GET": VIEWER},
    "p/<slug:slug>/scores/": {"POST": Role.ANALYST},
    "p/<slug:slug>/traces/": {"GET": VIEWER},
    "p/<slug:slug>/traces/<anyid:trace_id>/": {"GET": VIEWER},
    "p/<slug:slug>/send/": {"GET": VIEWER, "POST": ADMIN},
    "p/<slug:slug>/send/arrivals/": {"GET": VIEWER},
    "p/<slug:slug>/events/": {"GET": VIEWER},
    "p/<slug:slug>/events/upload/": {"GET": Role.EDITOR, "POST": Role.EDITOR},
    "p/<slug:slug>/events/<uuid:event_id>/": {"GET": VIEWER},
    "p/<slug:slug>/runs/": {"GET": VIEWER},
    "p/<slug:slug>/runs/<anyid:run_id>/": {"GET": VIEWER},
    "p/<slug:slug>/experiments/": {"GET": VIEWER},
    "p/<slug:slug>/experiments/new/": {"GET": Role.EDITOR, "POST": Role.EDITOR},
    "p/<slug:slug>/experiments/<anyid:key>/": {"GET": VIEWER},
    "p/<slug:slug>/experiment/<anyid:key>/": {"GET": VIEWER},
    "p/<slug:slug>/experiment-status/<anyid:key>/": {"POST": Role.EDITOR},
    "p/<slug:slug>/running-experiments/": {"GET": VIEWER},
    "p/<slug:slug>/decisions/": {"GET": VIEWER},
    "p/<slug:slug>/prompts/": {"GET": VIEWER},
    "p/<slug:slug>/prompts/<str:key>/": {"GET": VIEWER},
    "p/<slug:slug>/prompts/<str:key>/diff/": {"GET": VIEWER},
    "p/<slug:slug>/prompts/<str:key>/render/": {"POST": VIEWER},
    "p/<slug:slug>/prompts/<str:key>/labels/": {"POST": Role.EDITOR},
    "p/<slug:slug>/stale-prompt-tags/": {"GET": VIEWER},
    "p/<slug:slug>/experiments-of-prompt/": {"GET": VIEWER},
}

# What editors write in the Django admin: the lowest role in the prompt's project, by method.
PROMPT_ADMIN: dict[str, dict[str, Role]] = {
    "": {"GET": Role.EDITOR},
    "add/": {"GET": Role.EDITOR, "POST": Role.EDITOR},
    "<int:prompt_id>/change/": {"GET": Role.EDITOR},
    "<int:prompt_id>/rename/": {"POST": Role.EDITOR},
    "<int:prompt_id>/archive/": {"POST": ADMIN},
    "<int:prompt_id>/drafts/add/": {"GET": Role.EDITOR, "POST": Role.EDITOR},
    "<int:prompt_id>/drafts/preview/": {"POST": Role.EDITOR},
    "<int:prompt_id>/versions/<int:number>/": {"GET": Role.EDITOR},
    "<int:prompt_id>/versions/<int:number>/edit/": {"GET": Role.EDITOR, "POST": Role.EDITOR},
    "<int:prompt_id>/versions/<int:number>/publish/": {"POST": Role.EDITOR},
    "<int:prompt_id>/versions/<int:number>/discard/": {"POST": Role.EDITOR},
    "<int:prompt_id>/labels/move/": {"POST": Role.EDITOR},
    "<int:prompt_id>/labels/rollback/": {"POST": Role.EDITOR},
    "<int:prompt_id>/labels/protect/": {"POST": ADMIN},
    "<int:prompt_id>/requests/<int:request_id>/decide/": {"POST": ADMIN},
    "<int:prompt_id>/requests/<int:request_id>/withdraw/": {"POST": Role.EDITOR},
}

# API: the scope a key needs, by method.
API: dict[str, dict[str, str]] = {
    "api/analytics/?": {"POST": "ingest"},
    "api/analytics/batch/?": {"POST": "ingest"},
    "v1/traces/?": {"POST": "ingest"},
    "api/public/otel/v1/traces/?": {"POST": "ingest"},
    "fallom/v1/traces/?": {"POST": "ingest"},
    "fallom/spans/?": {"POST": "ingest"},
    "v1/logs/?": {"POST": "ingest"},
    "api/public/otel/v1/logs/?": {"POST": "ingest"},
    "api/v1/events/?": {"POST": "ingest"},
    "api/v1/chats/?": {"POST": "ingest"},
    "api/v1/experiments/?": {"GET": "read", "POST": "manage"},
    "api/v1/experiments/(?P<key>(?s:.+?))/?": {"GET": "read"},
    "api/v1/experiments/(?P<key>(?s:.+?))/start/?": {"POST": "manage"},
    "api/v1/experiments/(?P<key>(?s:.+?))/pause/?": {"POST": "manage"},
    "api/v1/experiments/(?P<key>(?s:.+?))/stop/?": {"POST": "manage"},
    "api/v1/experiments/(?P<key>(?s:.+?))/results/?": {"GET": "read"},
    "api/v1/experiments/(?P<key>(?s:.+?))/analyse/?": {"POST": "manage"},
    "api/v1/experiments/(?P<key>(?s:.+?))/sessions/?": {"GET": "read"},
    "api/v1/scores/?": {"POST": "ingest", "GET": "read"},
    "api/v1/runs/?": {"POST": "ingest", "GET": "read"},
    "api/v1/runs/(?P<run_id>(?s:.+))": {"GET": "read"},
    "api/v1/ingest/status/?": {"GET": "ingest"},
    "api/v1/prompts/?": {"GET": "read", "POST": "manage"},
    "api/v1/prompts/(?P<key>[^/]+)/?": {"GET": "read"},
    "api/v1/prompts/(?P<key>[^/]+)/versions/?": {"GET": "read", "POST": "manage"},
    "api/v1/prompts/(?P<key>[^/]+)/versions/(?P<number>[0-9]{1,9})/?": {"GET": "read"},
    "api/v1/prompts/(?P<key>[^/]+)/versions/(?P<number>[0-9]{1,9})/publish/?": {"POST": "manage"},
    "api/v1/prompts/(?P<key>[^/]+)/labels/(?P<label>[^/]+)/?": {"PUT": "manage"},
    "api/v1/prompts/(?P<key>[^/]+)/resolve/?": {"GET": "read"},
    "api/v1/prompts/(?P<key>[^/]+)/render/?": {"POST": "read"},
    "fallom/prompts/?": {"GET": "read"},
    "api/v1/totals/?": {"GET": "read"},
    "api/v1/series/?": {"GET": "read"},
    "api/v1/sessions/?": {"GET": "read"},
    "api/v1/sessions/(?P<session_id>(?s:.+))": {"GET": "read"},
    "api/v1/traces/?": {"GET": "read"},
    "api/v1/traces/(?P<trace_id>(?s:.+))": {"GET": "read"},
    "api/v1/spans/?": {"GET": "read"},
    "api/v1/spans/(?P<trace_id>(?s:.+))/(?P<span_id>[^/]+)/?": {"GET": "read"},
}

# API for web pages: a publishable key in the address, and nothing else, opens these.
PUBLISHABLE = {
    "k/(?P<key>[^/]+)/api/analytics/?",
    "k/(?P<key>[^/]+)/api/analytics/batch/?",
    "k/(?P<key>[^/]+)/api/v1/events/?",
    "k/(?P<key>[^/]+)/api/v1/scores/?",
}
