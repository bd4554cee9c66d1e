-- The audit log: a chain of hashes, one for each tenant, and what ties rows to their entries.
-- `nonce` salts the digest of the row that it stands in, and goes with it. `audit_head` has the
-- end of the chain and the key of the next nonce, which is replaced with every entry.

CREATE TABLE audit (
    tenant     INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    run        INTEGER,
    actor      INTEGER NOT NULL,
    what       INTEGER NOT NULL,
    eid        INTEGER,
    connection INTEGER,
    detail     TEXT,
    digest     BLOB,
    hash       BLOB NOT NULL,
    PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_head (
    tenant INTEGER PRIMARY KEY,
    seq    INTEGER NOT NULL,
    hash   BLOB NOT NULL,
    key    BLOB NOT NULL
) STRICT;

ALTER TABLE journal ADD COLUMN audit INTEGER;
ALTER TABLE journal ADD COLUMN nonce BLOB;
ALTER TABLE history ADD COLUMN audit INTEGER;
ALTER TABLE history ADD COLUMN nonce BLOB;
ALTER TABLE conflict ADD COLUMN audit INTEGER;
ALTER TABLE conflict ADD COLUMN nonce BLOB;
ALTER TABLE run ADD COLUMN audit INTEGER;
ALTER TABLE run ADD COLUMN nonce BLOB;
