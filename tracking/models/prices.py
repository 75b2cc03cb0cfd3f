"""Prices that a project sets itself, where the price list is wrong or knows nothing."""

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from core.models import Project
from tracking.price_book import LIST_KINDS


def _short(rate: Decimal) -> str:
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class PriceVersion(models.Model):
    """How often a project's prices changed: what digests ask before they price."""

    project = models.OneToOneField(
        Project, on_delete=models.PROTECT, primary_key=True, related_name="price_version"
    )
    number = models.PositiveIntegerField(default=0)
    list_version = models.PositiveSmallIntegerField(default=1)  # of genai-prices, at that number
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"prices {self.number} of {self.project_id}"


class ModelPrice(models.Model):
    """What models of a name cost a project, in US dollars a million tokens, between two days."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="model_prices")
    provider = models.CharField(max_length=200, blank=True)
    model = models.CharField(max_length=200)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="The first day without it.")
    input = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    output = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    cache_read = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    cache_write = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    reasoning = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    input_audio = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    output_audio = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    input_image = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    output_image = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="model_prices",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["model", "provider", "-starts_on", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="tracking_modelprice_names_a_model", condition=~Q(model="")
            ),
            models.CheckConstraint(
                name="tracking_modelprice_ends_later",
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
            ),
            models.CheckConstraint(
                name="tracking_modelprice_rates_positive",
                condition=Q(*(Q(**{kind: None}) | Q(**{f"{kind}__gte": 0}) for kind in LIST_KINDS)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} from {self.starts_on}"

    @property
    def shown_rates(self) -> list[tuple[str, str]]:
        """Kinds in words, with their rates without needless zeros."""
        return [(kind.replace("_", " "), _short(rate)) for kind, rate in self.rates.items()]

    @property
    def rates(self) -> dict[str, Decimal]:
        """The rates that are set, by kind of token."""
        held = {kind: getattr(self, kind) for kind in LIST_KINDS}
        return {kind: rate for kind, rate in held.items() if rate is not None}
