-- The ledger, first form.
--
-- Every row of an entity is keyed by `eid`, which follows the order of insertion: with random
-- keys each row would dirty a page of its own. `link.key` is eid * 64 + connection.
-- `place` is (tenant * 64 + connection) * 4 + kind: where a record id is unique.
-- Instants are microseconds since 1970; `body`, `slots` and so on are JSON text, the stored
-- form of the model's types. `state` and `kind` are the numbers of row.rs.

PRAGMA application_id = 1668443441;

CREATE TABLE tenant (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE connection (
    tenant INTEGER NOT NULL,
    id     INTEGER NOT NULL CHECK (id BETWEEN 1 AND 63),
    name   TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE entity (
    eid           INTEGER PRIMARY KEY,
    tenant        INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    row_ver       INTEGER NOT NULL,
    mark_due      INTEGER,
    mark_attempts INTEGER,
    uid           BLOB NOT NULL,
    detail        TEXT
) STRICT;
CREATE UNIQUE INDEX entity_uid ON entity (uid);
CREATE INDEX entity_marked ON entity (tenant, kind, mark_due) WHERE mark_due IS NOT NULL;
CREATE INDEX entity_held ON entity (tenant, kind) WHERE state = 1;

-- Apart from the entity, whose row changes with every mark and every commit and stays small;
-- these rows are long, written once in the order of insertion, and seldom changed.
CREATE TABLE golden (
    eid  INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE link (
    key         INTEGER PRIMARY KEY,
    place       INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    open        INTEGER NOT NULL,
    trouble     INTEGER NOT NULL,
    modified_us INTEGER,
    ext_id      TEXT,
    rec_version TEXT,
    detail      TEXT,
    slots       TEXT,
    observed    TEXT,
    claim       TEXT,
    intents     TEXT,
    parked      TEXT
) STRICT;
CREATE UNIQUE INDEX link_live ON link (place, ext_id) WHERE state = 0;
CREATE INDEX link_past ON link (place, ext_id) WHERE state > 0 AND ext_id IS NOT NULL;
CREATE INDEX link_open ON link (open) WHERE open > 0;
CREATE INDEX link_trouble ON link (trouble) WHERE trouble > 0;

CREATE TABLE match_key (
    tenant INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    hash   INTEGER NOT NULL,
    eid    INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, hash, eid)
) STRICT, WITHOUT ROWID;

CREATE TABLE alias (
    place  INTEGER NOT NULL,
    old_id TEXT NOT NULL,
    new_id TEXT NOT NULL,
    PRIMARY KEY (place, old_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursor (
    place INTEGER NOT NULL,
    feed  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (place, feed)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage (
    tenant INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (tenant, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE conflict (
    id     BLOB PRIMARY KEY,
    tenant INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    eid    INTEGER NOT NULL,
    state  INTEGER NOT NULL,
    at_us  INTEGER NOT NULL,
    body   TEXT NOT NULL
) STRICT;
CREATE INDEX conflict_newest ON conflict (tenant, state, at_us);
CREATE INDEX conflict_entity ON conflict (eid);

CREATE TABLE history (
    id   INTEGER PRIMARY KEY,
    eid  INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX history_entity ON history (eid);

CREATE TABLE run (
    id         BLOB PRIMARY KEY,
    tenant     INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX run_newest ON run (tenant, started_us);
