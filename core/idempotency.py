"""Writes that may be sent twice: an ``Idempotency-Key`` gets the first answer again.

As draft-ietf-httpapi-idempotency-key-header-07 says, the same key with another request is 422. One
whose first request is still at work waits for its end (the draft would say 409), and is done when
that one failed. Answers are kept for a day at least.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import Problem
from core.authentication import project_id_of
from core.models import IdempotentReply

HEADER = "Idempotency-Key"
IDEMPOTENT = OpenApiParameter(HEADER, OpenApiTypes.STR, OpenApiParameter.HEADER)
MAX_LENGTH = 255
KEPT = timedelta(days=1)


def answer_once(request: Request, act: Callable[[], Response]) -> Response:
    """Run ``act`` in one transaction with the memory of its answer; or give that answer again.

    An error undoes both, so what failed may be tried again under the same key.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        with transaction.atomic():
            return act()
    if len(key) > MAX_LENGTH:
        raise Problem(400, f"{HEADER}: at most {MAX_LENGTH} characters.", code="invalid")
    project_id, fingerprint = project_id_of(request), _fingerprint(request)
    try:
        with transaction.atomic():
            reply = IdempotentReply.objects.create(
                project_id=project_id, key=key, fingerprint=fingerprint
            )
            response = act()
            reply.status, reply.body = response.status_code, response.data
            reply.save()
            _forget_old(project_id)
    except IntegrityError:
        return _remembered(project_id, key, fingerprint)
    return response


def _fingerprint(request: Request) -> str:
    said = f"{request.method}\0{request.path}\0".encode() + request.body
    return hashlib.sha256(said).hexdigest()


def _remembered(project_id: int, key: str, fingerprint: str) -> Response:
    reply = IdempotentReply.objects.filter(project_id=project_id, key=key).first()
    if reply is None:  # not of this key: a race that only the database saw
        raise Problem(409, "The request ran into another one; send it again.", code="conflict")
    if reply.fingerprint != fingerprint:
        raise Problem(
            422, f"This {HEADER} was used for another request.", code="idempotency_key_reused"
        )
    return Response(reply.body, status=reply.status, headers={"Idempotent-Replayed": "true"})


def _forget_old(project_id: int) -> None:
    old = IdempotentReply.objects.filter(
        project_id=project_id, created_at__lt=timezone.now() - KEPT
    )
    old.delete()
