-- Plans that were written to files, and what became of them.

CREATE TABLE written_plan (
    tenant INTEGER NOT NULL,
    hash   TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
