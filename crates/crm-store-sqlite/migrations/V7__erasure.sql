-- Erasures, and the keyed hashes of what was erased.
-- `erasure_head` has the key of the hashes, which never leaves the file, and the highest number
-- that an erased entity had: entries of the audit log name entities by number, so no number is
-- given twice.

CREATE TABLE erasure (
    run    BLOB PRIMARY KEY,
    tenant INTEGER NOT NULL,
    at_us  INTEGER NOT NULL,
    body   TEXT NOT NULL
) STRICT;

CREATE TABLE erased (
    tenant INTEGER NOT NULL,
    digest BLOB NOT NULL,
    run    BLOB NOT NULL,
    at_us  INTEGER NOT NULL,
    PRIMARY KEY (tenant, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE erasure_head (
    tenant INTEGER PRIMARY KEY,
    key    BLOB NOT NULL,
    floor  INTEGER NOT NULL
) STRICT;
