"""The database itself keeps what a started experiment compares, and when it ran.

A purge says ``SET LOCAL assay.purge = 'on'`` (core migration 0002). Drafts may change and go;
variants of discovered experiments come with the events.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION experiments_refuse_started() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('assay.purge', true), '') <> 'on' AND EXISTS (
        SELECT FROM experiments_experiment
        WHERE id IN (OLD.experiment_id, NEW.experiment_id) AND source = 'defined' AND status <> 'draft'
    ) THEN
        RAISE EXCEPTION '% of a started experiment stays as it is: % refused',
            TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION experiments_refuse_redefinition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('assay.purge', true), '') = 'on' THEN
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status <> 'draft' AND
        (NEW.project_id, NEW.key, NEW.source, NEW.kind, NEW.unit, NEW.hash, NEW.environment,
         NEW.alpha, NEW.tuning_units, NEW.outcome_window, NEW.started_at)
        IS NOT DISTINCT FROM
        (OLD.project_id, OLD.key, OLD.source, OLD.kind, OLD.unit, OLD.hash, OLD.environment,
         OLD.alpha, OLD.tuning_units, OLD.outcome_window, OLD.started_at)
    THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'a started experiment stays as it is: % refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
"""
TRIGGERS = """
CREATE TRIGGER experiments_variant_of_started
    BEFORE INSERT OR UPDATE OR DELETE ON experiments_variant
    FOR EACH ROW EXECUTE FUNCTION experiments_refuse_started();
CREATE TRIGGER experiments_metric_of_started
    BEFORE INSERT OR UPDATE OR DELETE ON experiments_experimentmetric
    FOR EACH ROW EXECUTE FUNCTION experiments_refuse_started();
CREATE TRIGGER experiments_experiment_started
    BEFORE UPDATE OR DELETE ON experiments_experiment
    FOR EACH ROW WHEN (OLD.source = 'defined' AND OLD.status <> 'draft')
    EXECUTE FUNCTION experiments_refuse_redefinition();
CREATE TRIGGER experiments_statuschange_append_only
    BEFORE UPDATE OR DELETE ON experiments_statuschange
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER experiments_statuschange_no_truncate
    BEFORE TRUNCATE ON experiments_statuschange
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""
DROP = """
DROP TRIGGER experiments_variant_of_started ON experiments_variant;
DROP TRIGGER experiments_metric_of_started ON experiments_experimentmetric;
DROP TRIGGER experiments_experiment_started ON experiments_experiment;
DROP TRIGGER experiments_statuschange_append_only ON experiments_statuschange;
DROP TRIGGER experiments_statuschange_no_truncate ON experiments_statuschange;
DROP FUNCTION experiments_refuse_started();
DROP FUNCTION experiments_refuse_redefinition();
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0002_declared"), ("core", "0002_append_only_audit")]

    operations = [migrations.RunSQL([FUNCTIONS, TRIGGERS], DROP)]
