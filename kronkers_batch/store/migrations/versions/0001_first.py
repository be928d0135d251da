"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes every table."""
    _ledger()
    _model_versions()
    _output_versions()
    _principals()
    _revocations()
    _runs()
    _snapshots()
    _tree_keys()
    _warehouse()
    _champions()
    _data_keys()
    _grants()
    _output_filters()
    _output_log()
    _output_pieces()
    _principal_keys()
    _run_events()
    _definitions()
    _grant_keys()


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("key_id", sa.String(length=26), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signer", sa.String(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger")),
    )


def _model_versions() -> None:
    op.create_table(
        "model_versions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("logical_date", sa.String(length=10), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("record_key_id", sa.String(length=64), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("golden", sa.LargeBinary(), nullable=False),
        sa.Column("signer", sa.String(length=128), nullable=False),
        sa.Column("signer_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint("model", "number", name=op.f("uq_model_versions_model_number")),
    )
    op.create_index(
        op.f("ix_model_versions_model_definition"), "model_versions", ["model", "definition"], unique=False
    )
    op.create_index(
        op.f("ix_model_versions_model_fingerprint"), "model_versions", ["model", "fingerprint"], unique=False
    )


def _output_versions() -> None:
    op.create_table(
        "output_versions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("logical_date", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("record_key_id", sa.String(length=64), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("signer", sa.String(length=128), nullable=False),
        sa.Column("signer_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_output_versions")),
        sa.UniqueConstraint(
            "model", "logical_date", "number", name=op.f("uq_output_versions_model_logical_date_number")
        ),
    )
    op.create_index(
        op.f("ix_output_versions_model_logical_date_fingerprint"),
        "output_versions",
        ["model", "logical_date", "fingerprint"],
        unique=False,
    )


def _principals() -> None:
    op.create_table(
        "principals",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_principals")),
        sa.UniqueConstraint("name", name=op.f("uq_principals_name")),
    )


def _revocations() -> None:
    op.create_table(
        "revocations",
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_revocations")),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("logical_date", sa.String(length=10), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("trigger", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )


def _snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=True),
        sa.Column("window_end", sa.BigInteger(), nullable=True),
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("signer", sa.String(length=128), nullable=False),
        sa.Column("signer_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
    )
    op.create_index(op.f("ix_snapshots_lookup_state"), "snapshots", ["lookup", "state"], unique=False)


def _tree_keys() -> None:
    op.create_table(
        "tree_keys",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("parent_id", sa.String(length=26), nullable=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_view", sa.LargeBinary(), nullable=True),
        sa.Column("key_check", sa.LargeBinary(), nullable=False),
        sa.Column("view_check", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["tree_keys.id"], name=op.f("fk_tree_keys_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tree_keys")),
        sa.UniqueConstraint(
            "department", "model", "version", name=op.f("uq_tree_keys_department_model_version")
        ),
    )


def _warehouse() -> None:
    op.create_table(
        "warehouse",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warehouse")),
    )


def _champions() -> None:
    op.create_table(
        "champions",
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.String(length=26), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("signer", sa.String(length=128), nullable=False),
        sa.Column("signer_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["model_versions.id"], name=op.f("fk_champions_version_id")),
        sa.PrimaryKeyConstraint("model", "sequence", name=op.f("pk_champions")),
    )


def _data_keys() -> None:
    op.create_table(
        "data_keys",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version_id", sa.String(length=128), nullable=False),
        sa.Column("parent_id", sa.String(length=26), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("shredded", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["tree_keys.id"], name=op.f("fk_data_keys_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_keys")),
        sa.UniqueConstraint(
            "kind",
            "department",
            "model",
            "version_id",
            name=op.f("uq_data_keys_kind_department_model_version_id"),
        ),
    )
    op.create_index(op.f("ix_data_keys_parent_id"), "data_keys", ["parent_id"], unique=False)


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("principal_id", sa.String(length=26), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], name=op.f("fk_grants_principal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_principal_id"), "grants", ["principal_id"], unique=False)


def _output_filters() -> None:
    op.create_table(
        "output_filters",
        sa.Column("version_id", sa.String(length=26), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["output_versions.id"], name=op.f("fk_output_filters_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "part", "number", name=op.f("pk_output_filters")),
    )


def _output_log() -> None:
    op.create_table(
        "output_log",
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("logical_date", sa.String(length=10), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.String(length=26), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("head", sa.String(length=26), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("signer", sa.String(length=128), nullable=False),
        sa.Column("signer_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["output_versions.id"], name=op.f("fk_output_log_version_id")
        ),
        sa.PrimaryKeyConstraint("model", "logical_date", "sequence", name=op.f("pk_output_log")),
    )


def _output_pieces() -> None:
    op.create_table(
        "output_pieces",
        sa.Column("version_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["output_versions.id"], name=op.f("fk_output_pieces_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "number", name=op.f("pk_output_pieces")),
    )


def _principal_keys() -> None:
    op.create_table(
        "principal_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("principal_id", sa.String(length=26), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("hpke_public", sa.LargeBinary(), nullable=False),
        sa.Column("sign_public", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_principal_keys_principal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_principal_keys")),
    )


def _run_events() -> None:
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("message", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_events_run_id")),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_run_events")),
    )


def _definitions() -> None:
    op.create_table(
        "definitions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("signer", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.String(length=26), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["data_keys.id"], name=op.f("fk_definitions_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_definitions")),
        sa.UniqueConstraint("kind", "name", "number", name=op.f("uq_definitions_kind_name_number")),
    )


def _grant_keys() -> None:
    op.create_table(
        "grant_keys",
        sa.Column("grant_id", sa.String(length=26), nullable=False),
        sa.Column("key_id", sa.String(length=26), nullable=False),
        sa.Column("recipient", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_grant_keys_grant_id")),
        sa.ForeignKeyConstraint(["key_id"], ["tree_keys.id"], name=op.f("fk_grant_keys_key_id")),
        sa.ForeignKeyConstraint(["recipient"], ["principal_keys.id"], name=op.f("fk_grant_keys_recipient")),
        sa.PrimaryKeyConstraint("grant_id", "key_id", "recipient", name=op.f("pk_grant_keys")),
    )
