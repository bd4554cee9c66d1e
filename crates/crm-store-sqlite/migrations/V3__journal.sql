-- The write journal: one short row for each write that was applied. Runs are named by small
-- numbers here, since every row has one. `key` is that of the link; `body` is NULL where there
-- are no fields.

CREATE TABLE run_number (
    number INTEGER PRIMARY KEY,
    run    BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE journal (
    seq       INTEGER PRIMARY KEY,
    key       INTEGER NOT NULL,
    run       INTEGER NOT NULL,
    action    INTEGER NOT NULL,
    at_us     INTEGER NOT NULL,
    write_key BLOB NOT NULL,
    ext_id    TEXT NOT NULL,
    body      TEXT
) STRICT;
CREATE INDEX journal_link ON journal (key);
CREATE INDEX journal_run ON journal (run);
