"""API keys and scopes for Django REST Framework. Session cookies mean nothing here."""

from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core.keys import KeyInfo, authenticate_key
from core.refusals import note_refusal

if TYPE_CHECKING:  # rest_framework.views imports this module, through its settings
    from rest_framework.views import APIView

BAD_KEY = "The API key is unknown, revoked or expired."
NOT_BEARER = "Authorization has another form than Bearer <key>."


class KeyClient:
    """Stands where DRF expects a user: somebody known, but no account."""

    pk = None
    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __str__(self) -> str:
        return "API key"


KEY_CLIENT = KeyClient()


def key_text(meta: dict[str, str]) -> str | None:
    """The key a request carries in ``Authorization: Bearer`` or ``X-API-Key``, or None."""
    header = meta.get("HTTP_AUTHORIZATION")
    if header:
        scheme, _, text = header.partition(" ")
        return text.strip() if scheme.lower() == "bearer" else ""
    return meta.get("HTTP_X_API_KEY")


class ApiKeyAuthentication(BaseAuthentication):
    """Sets ``request.auth`` to the ``KeyInfo`` of the key."""

    def authenticate(self, request: Request) -> tuple[KeyClient, KeyInfo] | None:
        text = key_text(request.META)
        if text is None:
            return None
        if not text:
            raise AuthenticationFailed(NOT_BEARER)
        return self.authenticate_text(text)

    def authenticate_text(self, text: str) -> tuple[KeyClient, KeyInfo]:
        info = authenticate_key(text)
        if info is None:
            raise AuthenticationFailed(BAD_KEY)
        return KEY_CLIENT, info

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="assay"'


class HasScope(BasePermission):
    """The key has the view's ``required_scope``: one scope, or one for each method.

    A view that names none, or a method it does not name, is closed.
    """

    message = "The API key lacks the scope this needs."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, KeyInfo):
            return False
        if request.auth.is_publishable and not getattr(view, "takes_publishable", False):
            self.message = "A publishable key sends events and scores, and does nothing else."
            return False
        scope = needed_scope(view, request.method or "")
        if scope in request.auth.scopes:
            return True
        self.message = f"This needs an API key with the scope '{scope}'."
        note_refusal(request.auth.project_id, request.auth.prefix, 403)
        return False


def key_of(request: Request) -> KeyInfo:
    """The key of a request that HasScope let in."""
    assert isinstance(request.auth, KeyInfo)
    return request.auth


def project_id_of(request: Request) -> int:
    return key_of(request).project_id


def needed_scope(view: "APIView", method: str) -> str | None:
    required: str | dict[str, str] | None = getattr(view, "required_scope", None)
    if not isinstance(required, dict):
        return required
    return required.get(method) or (required.get("GET") if method in {"HEAD", "OPTIONS"} else None)
