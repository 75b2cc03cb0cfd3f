"""Secrets that must be read again, such as those that sign webhooks: encrypted in the database.

The key comes from SECRET_KEY; with SECRET_KEY_FALLBACKS older ones still open what they closed.
"""

import base64
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class SealError(Exception):
    """What was sealed with another secret key, or damaged."""


def seal(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises SealError."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealError("It was sealed with another secret key.") from error


def _fernet() -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet  # brings OpenSSL: only who needs it

    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_key_from(key)) for key in keys])


def _key_from(secret: str | bytes) -> bytes:
    digest = salted_hmac("core.sealing", "", secret=secret, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest)
