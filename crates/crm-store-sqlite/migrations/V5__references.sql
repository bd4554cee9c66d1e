-- References that wait for a record: of one connection, `target` is the uid of an entity (16
-- bytes), or the number of a kind (one byte) before the id of a record.

CREATE TABLE pending_ref (
    tenant     INTEGER NOT NULL,
    target     BLOB NOT NULL,
    connection INTEGER NOT NULL,
    eid        INTEGER NOT NULL,
    PRIMARY KEY (tenant, target, connection, eid)
) STRICT, WITHOUT ROWID;
