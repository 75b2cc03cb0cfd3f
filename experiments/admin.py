"""For support: what was discovered, and the weights it was meant to have."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from experiments.models import Experiment, ResultSnapshot, Variant

if TYPE_CHECKING:
    VariantInlineBase = admin.TabularInline[Variant, Experiment]
    ExperimentAdminBase = admin.ModelAdmin[Experiment]
    SnapshotAdminBase = admin.ModelAdmin[ResultSnapshot]
else:  # generic in the stubs alone
    VariantInlineBase = admin.TabularInline
    ExperimentAdminBase = SnapshotAdminBase = admin.ModelAdmin


class VariantInline(VariantInlineBase):
    model = Variant
    extra = 0
    fields = ("key", "name", "is_control", "weight")
    readonly_fields = ("key", "is_control")

    def has_add_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return obj is None or not obj.is_declared

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return False


@admin.register(Experiment)
class ExperimentAdmin(ExperimentAdminBase):
    list_display = ("key", "name", "project", "source", "unit", "status", "started_at")
    list_filter = ("source", "status", "unit")
    search_fields = ("key", "name")
    list_select_related = ("project",)
    fields = ("project", "key", "name", "source", "unit", "status", "alpha", "tuning_units")
    readonly_fields = ("project", "key", "source", "unit", "status")
    inlines: ClassVar = [VariantInline]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Declared ones change by their own pages, which keep a record of it."""
        return obj is None or not obj.is_declared

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return False


@admin.register(ResultSnapshot)
class ResultSnapshotAdmin(SnapshotAdminBase):
    """Computed, never edited."""

    list_display = ("experiment", "method_version", "computed_at", "computed_in")
    list_select_related = ("experiment",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: ResultSnapshot | None = None
    ) -> bool:
        return False
