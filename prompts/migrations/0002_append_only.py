"""The database itself keeps published versions and label moves as they are.

A purge says ``SET LOCAL assay.purge = 'on'`` (core migration 0002). A draft may change and go.
"""

from django.db import migrations

TRIGGERS = """
CREATE TRIGGER prompts_labelmove_append_only BEFORE UPDATE OR DELETE ON prompts_labelmove
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER prompts_labelmove_no_truncate BEFORE TRUNCATE ON prompts_labelmove
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER prompts_version_published BEFORE UPDATE OR DELETE ON prompts_promptversion
    FOR EACH ROW WHEN (OLD.published_at IS NOT NULL) EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER prompts_version_no_truncate BEFORE TRUNCATE ON prompts_promptversion
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""
DROP = """
DROP TRIGGER prompts_labelmove_append_only ON prompts_labelmove;
DROP TRIGGER prompts_labelmove_no_truncate ON prompts_labelmove;
DROP TRIGGER prompts_version_published ON prompts_promptversion;
DROP TRIGGER prompts_version_no_truncate ON prompts_promptversion;
"""


class Migration(migrations.Migration):
    dependencies = [("prompts", "0001_initial"), ("core", "0002_append_only_audit")]

    operations = [migrations.RunSQL(TRIGGERS, DROP)]
