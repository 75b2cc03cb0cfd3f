"""The database itself refuses to change the record of who changed what.

A purge (erasure, retention) says ``SET LOCAL assay.purge = 'on'`` in its own transaction and is
audited. The function serves every append-only table.
"""

from django.db import migrations

MAKE_FUNCTION = """
CREATE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('assay.purge', true) = 'on' THEN
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$
"""

MAKE_TRIGGERS = """
CREATE TRIGGER core_auditentry_append_only BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER core_auditentry_no_truncate BEFORE TRUNCATE ON core_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""

DROP_TRIGGERS = """
DROP TRIGGER core_auditentry_append_only ON core_auditentry;
DROP TRIGGER core_auditentry_no_truncate ON core_auditentry;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunSQL(MAKE_FUNCTION, "DROP FUNCTION core_refuse_change()"),
        migrations.RunSQL(MAKE_TRIGGERS, DROP_TRIGGERS),
    ]
