"""API keys: made, recognised, revoked.

A key is looked up by the SHA-256 of the whole of it. Keys hold 256 bits of chance (or are given by
the operator with at least 32 characters), so a slow password hash would only slow down ingestion.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict, Unpack

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.audit import record_audit
from core.models import ApiKey, Project, Scope
from core.refusals import note_refusal

MIN_GIVEN_LENGTH = 32
MAX_LENGTH = 512
CACHE_SECONDS = 4.0  # a revoked key is refused everywhere within this time
CACHE_SIZE = 10_000
LAST_USED_STEP = timedelta(minutes=1)
PUBLISHABLE_RATE = 100  # requests a second


class KeyFormatError(ValueError):
    """A given key is too short, too long, or not printable."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a request may do, by the key it came with."""

    key_id: int
    project_id: int
    project_slug: str
    prefix: str
    scopes: frozenset[str]
    horizon_days: int | None
    capture_content: bool
    is_publishable: bool = False
    origins: tuple[str, ...] = ()
    rate_limit: int | None = None  # requests a second
    events_from: datetime | None = None  # what is older was deleted for its age


class KeyTerms(TypedDict, total=False):
    """For how long, and how often a second, a key may be used; without them: always."""

    expires_at: datetime | None
    rate_limit: int | None


_cache: dict[bytes, tuple[float, KeyInfo]] = {}


def _digest(raw: str) -> bytes:
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).digest()


def forget_cached_keys() -> None:
    _cache.clear()


def authenticate_key(raw: str) -> KeyInfo | None:
    """Return what the key allows, or None when it is unknown, revoked or expired.

    A hit costs one SHA-256 and one dict look-up. Unknown keys are not cached: a flood of them must
    not push out good ones, and a key just made must work at once.
    """
    if not 0 < len(raw) <= MAX_LENGTH:
        return None
    digest = _digest(raw)
    cached = _cache.get(digest)
    now = time.monotonic()
    if cached is not None and now < cached[0]:
        return cached[1]
    return _load_key(digest, now)


def is_known_key(raw: str) -> bool:
    """Whether it is a key of any project, also one that was revoked or has expired."""
    return ApiKey.objects.filter(secret_hash=_digest(raw).hex()).exists()


def _load_key(digest: bytes, now: float) -> KeyInfo | None:
    _cache.pop(digest, None)
    key = ApiKey.objects.select_related("project").filter(secret_hash=digest.hex()).first()
    if key is None or not hmac.compare_digest(key.secret_hash, digest.hex()):
        return None
    if not key.is_usable or key.project.archived_at is not None:
        note_refusal(key.project_id, key.prefix, 401)
        return None
    info = KeyInfo(
        key_id=key.pk,
        project_id=key.project_id,
        project_slug=key.project.slug,
        prefix=key.prefix,
        scopes=frozenset(key.scopes),
        horizon_days=key.project.accepted_days,
        capture_content=key.project.capture_content,
        is_publishable=key.is_publishable,
        origins=tuple(key.origins),
        rate_limit=key.rate_limit,
        events_from=key.project.events_from,
    )
    if len(_cache) >= CACHE_SIZE:
        _cache.clear()
    _cache[digest] = (now + _cache_seconds(key), info)
    _note_use(key)
    return info


def project_info(project: Project) -> KeyInfo:
    """What a signed-in member sends with, whose role was asked for: the door takes a KeyInfo."""
    return KeyInfo(
        key_id=0,
        project_id=project.pk,
        project_slug=project.slug,
        prefix="",
        scopes=frozenset({Scope.INGEST.value}),
        horizon_days=project.accepted_days,
        capture_content=project.capture_content,
        events_from=project.events_from,
    )


def _cache_seconds(key: ApiKey) -> float:
    if key.expires_at is None:
        return CACHE_SECONDS
    return min(CACHE_SECONDS, (key.expires_at - timezone.now()).total_seconds())


def _note_use(key: ApiKey) -> None:
    """Write last_used_at at most once a minute; the condition keeps other processes to it too."""
    now = timezone.now()
    if key.last_used_at is not None and now - key.last_used_at < LAST_USED_STEP:
        return
    ApiKey.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_STEP), pk=key.pk
    ).update(last_used_at=now)


def issue_key(
    project: Project,
    name: str,
    scopes: Collection[str],
    actor: User | None,
    *,
    raw: str | None = None,
    **terms: Unpack[KeyTerms],
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is kept nowhere.

    ``raw`` is a key given by the operator; without it one is made: ``ak_<8 hex>_<64 hex>``.
    """
    prefix, raw = _make_key() if raw is None else (_name_given_key(raw), raw)
    key = ApiKey(
        project=project,
        name=name,
        prefix=prefix,
        secret_hash=_digest(raw).hex(),
        scopes=sorted(set(scopes), key=Scope.values.index),
        created_by=actor,
        **terms,
    )
    _save_new_key(key, actor)
    return key, raw


def issue_publishable_key(
    project: Project,
    name: str,
    actor: User | None,
    *,
    origins: Collection[str] = (),
    rate_limit: int = PUBLISHABLE_RATE,
    expires_at: datetime | None = None,
) -> ApiKey:
    """Make a key for web pages, ``pk_<8 hex>_<32 hex>``: it sends events and scores, no more."""
    prefix = f"pk_{secrets.token_hex(4)}"
    raw = f"{prefix}_{secrets.token_hex(16)}"
    key = ApiKey(
        project=project,
        name=name,
        kind=ApiKey.Kind.PUBLISHABLE,
        prefix=prefix,
        public_text=raw,
        secret_hash=_digest(raw).hex(),
        scopes=[Scope.INGEST.value],
        origins=sorted(set(origins)),
        rate_limit=rate_limit,
        created_by=actor,
        expires_at=expires_at,
    )
    _save_new_key(key, actor)
    return key


def _save_new_key(key: ApiKey, actor: User | None) -> None:
    detail: dict[str, object] = {"name": key.name, "scopes": key.scopes}
    if key.is_publishable:
        detail |= {"kind": key.kind, "origins": key.origins}
    if key.rate_limit:
        detail["rate_limit"] = key.rate_limit
    with transaction.atomic():
        key.save(force_insert=True)
        record_audit(key.project, actor, "api_key.create", target=key.prefix, detail=detail)


def _make_key() -> tuple[str, str]:
    prefix = f"ak_{secrets.token_hex(4)}"
    return prefix, f"{prefix}_{secrets.token_hex(32)}"


def _name_given_key(raw: str) -> str:
    """Name it by its digest: its first characters would be part of the secret."""
    check_given_key(raw)
    return f"given_{_digest(raw).hex()[:8]}"


def check_given_key(raw: str) -> None:
    printable = raw.isascii() and raw.isprintable() and " " not in raw
    if not printable or not MIN_GIVEN_LENGTH <= len(raw) <= MAX_LENGTH:
        raise KeyFormatError(
            f"a given key needs {MIN_GIVEN_LENGTH} to {MAX_LENGTH} printable ASCII characters"
            " without spaces"
        )


def revoke_key(key: ApiKey, actor: User | None) -> bool:
    """Revoke the key; False when it was revoked before. Other processes follow in seconds."""
    with transaction.atomic():
        revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
            revoked_at=timezone.now()
        )
        if revoked:
            record_audit(key.project, actor, "api_key.revoke", target=key.prefix)
    forget_cached_keys()
    return bool(revoked)
