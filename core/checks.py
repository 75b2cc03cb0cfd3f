"""System checks of settings that are fine on a laptop and wrong on a server (check --deploy)."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.security, deploy=True)
def check_production(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not settings.BEHIND_TLS:
        found.append(
            Warning(
                "Sessions and keys travel unencrypted.",
                hint="Put a TLS proxy in front and set ASSAY_BEHIND_TLS=1.",
                id="assay.W001",
            )
        )
    if settings.BEHIND_TLS and settings.TRUSTED_PROXIES < 1:
        found.append(
            Warning(
                "Without ASSAY_TRUSTED_PROXIES every client has the proxy's address.",
                hint="Set ASSAY_TRUSTED_PROXIES to how many proxies stand in front.",
                id="assay.W002",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "ASSAY_ALLOWED_HOSTS holds *: links can be made to point anywhere.",
                hint="Name the hosts this installation is reached by.",
                id="assay.E001",
            )
        )
    return found
