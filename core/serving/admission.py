"""Whether a long body is worth receiving, by what its headers say of the sender.

Only a first look: the view authenticates as ever. It keeps strangers from filling memory and disk.
"""

from base64 import b64decode
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY

from core.api import DATABASE_ERRORS
from core.authentication import key_text
from core.keys import authenticate_key
from core.serving.environ import Environ

PAGE_KEYS = "/k/"  # paths that carry a publishable key


def is_known_sender(environ: Environ) -> bool:
    """A key that is valid, or a session of somebody signed in. True also when the database does not
    say: the view tells."""
    text = carried_key(environ)
    try:
        return has_session(environ) if text is None else authenticate_key(text) is not None
    except DATABASE_ERRORS:
        return True


def carried_key(environ: Environ) -> str | None:
    """Wherever a view looks for one: the headers, Basic's password, the path."""
    path: str = environ["PATH_INFO"]
    if path.startswith(PAGE_KEYS):
        return path.removeprefix(PAGE_KEYS).partition("/")[0]
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return password_of(credentials) if scheme.lower() == "basic" else key_text(environ)


def password_of(credentials: str) -> str:
    """Of Basic authentication; "" when there is none."""
    try:
        return b64decode(credentials.strip()).decode().partition(":")[2]
    except ValueError:
        return ""


def has_session(environ: Environ) -> bool:
    try:
        cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return False
    if cookie is None:
        return False
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore(cookie.value)
    return SESSION_KEY in store
