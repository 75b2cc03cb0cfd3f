"""Experiments that were stored before there were declared ones."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core.models import Project
from tests.cast import LIFT_TRUNCATE_GUARDS

pytestmark = pytest.mark.django_db(transaction=True)


def migrate_to(name):
    executor = MigrationExecutor(connection)
    executor.migrate([("experiments", name)])
    return executor.loader.project_state([("experiments", name)]).apps


@pytest.fixture
def before():
    yield migrate_to("0001_experiments")
    migrate_to(MigrationExecutor(connection).loader.graph.leaf_nodes("experiments")[0][1])
    with connection.cursor() as cursor:
        cursor.execute(LIFT_TRUNCATE_GUARDS)


def test_one_called_defined_in_the_admin_is_one_that_events_name(alpha, before):
    """It had no metrics and no periods: as a declared one it would count nothing for ever."""
    project = before.get_model("core", "Project").objects.get(pk=Project.objects.get().pk)
    old = before.get_model("experiments", "Experiment").objects
    for key, status in (("run", "running"), ("planned", "draft")):
        old.create(project=project, key=key, unit="session", source="defined", status=status)

    after = migrate_to("0003_declared_stays").get_model("experiments", "Experiment")

    assert set(after.objects.values_list("key", "source")) == {
        ("run", "discovered"),
        ("planned", "discovered"),
    }
