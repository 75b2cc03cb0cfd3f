"""The files PostgreSQL reads at its start, written anew each time."""

import os
import pwd
from pathlib import Path

from core.embedded.account import Account

DATABASE = "assay"

# Sized for the whole tree to stay below 800 MB on a small machine. Ingestion writes each batch
# twice (inbox, then facts): WAL and checkpoints are what it waits for, not reads.
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0777",  # the folder is 0700, and pg_ident checks the uid
    "max_connections": "200",  # one a thread of the web processes, one or two a worker
    "shared_buffers": "160MB",  # 400 made no difference to a digest at ten million spans
    "temp_buffers": "12MB",  # a worker keeps what it once used
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "synchronous_commit": "on",  # acknowledged means committed
    "wal_level": "minimal",
    "max_logical_replication_workers": "0",
    "max_wal_senders": "0",
    "wal_compression": "off",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # pages send many short statements, each of which it would compile
    "autovacuum_naptime": "20s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_insert_scale_factor": "0.2",
    # Half as much again changes no plan; at a tenth, a growing table was sampled all the time.
    "autovacuum_analyze_scale_factor": "0.5",
    # Analyzing fifty columns of a growing table took an eighth of all that storing it did; what is
    # asked of them goes by keys, which need no longer lists of common values.
    "default_statistics_target": "25",
    "autovacuum_vacuum_cost_limit": "1000",
    "autovacuum_max_workers": "2",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",  # statements carry the content of prompts
    "log_lock_waits": "on",
    "cluster_name": "assay",
}


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def write_settings(cluster: Path, socket_dir: Path, account: Account) -> None:
    values = {**SETTINGS, "unix_socket_directories": str(socket_dir)}
    lines = [f"{name} = {quoted(value)}\n" for name, value in values.items()]
    files = {
        "postgresql.conf": (
            "# Written at every start. Your own settings: local.conf beside this file.\n"
            "include 'assay.conf'\ninclude 'local.conf'\n"
        ),
        "assay.conf": "".join(lines),
        # Peer: the kernel says who connects. No password to keep, and the server's own account
        # (perhaps the much shared ``nobody``) is let in no more than any other stranger.
        "pg_hba.conf": f"local all {DATABASE} peer map=assay\n",
        "pg_ident.conf": f'assay "{user_name()}" {DATABASE}\n',
    }
    for name, text in files.items():
        write_owned(cluster / name, account, text)
    if not (cluster / "local.conf").exists():
        write_local_settings(cluster, account, "# Settings of your own win over assay.conf.\n")


def write_local_settings(cluster: Path, account: Account, text: str) -> None:
    write_owned(cluster / "local.conf", account, text)


def write_owned(path: Path, account: Account, text: str) -> None:
    path.write_text(text)
    account.own(path)
    path.chmod(0o600)


def user_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
