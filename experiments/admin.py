"""For support: what was discovered, and the weights it was meant to have."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest

from core.audit import record_audit
from experiments.models import Experiment, ResultSnapshot, Variant

OF_NOTHING = -1  # no state of a project's data: results that carry it are computed anew

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

    def save_related(
        self,
        request: HttpRequest,
        form: "ModelForm[Experiment]",
        formsets: "Sequence[BaseModelFormSet[Any, Any]]",
        change: bool,  # noqa: FBT001 # as ModelAdmin has it
    ) -> None:
        """What is changed here is audited, and its results are of what was before."""
        super().save_related(request, form, formsets, change)
        experiment: Experiment = form.instance
        said = {name: form.cleaned_data[name] for name in form.changed_data}
        rows = [row for formset in formsets for row in formset.forms if row.has_changed()]
        if rows:
            said["variants"] = {
                row.instance.key: {name: row.cleaned_data[name] for name in row.changed_data}
                for row in rows
            }
        if not said:
            return
        user = request.user
        record_audit(
            experiment.project, user, "experiment.edit", target=experiment.key, detail=said
        )
        ResultSnapshot.objects.filter(experiment=experiment).update(source_mark=OF_NOTHING)

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
