-- Format 1 of the state file.
--
-- A workspace is known by its lineage. Deleting one takes its name away and keeps the rest: history is never rewritten, which the
-- triggers at the end enforce. A snapshot contains the entries up to `through`; the entries after it are what is folded over it.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO meta VALUES ('format', '1');

CREATE TABLE workspaces (
    lineage  TEXT PRIMARY KEY,
    name     TEXT UNIQUE,
    formerly TEXT,
    serial   INTEGER NOT NULL DEFAULT 0,
    snapshot TEXT,
    through  INTEGER NOT NULL DEFAULT 0,
    keyring  TEXT
) STRICT;

CREATE TABLE entries (
    lineage  TEXT NOT NULL REFERENCES workspaces,
    sequence INTEGER NOT NULL,
    run      TEXT NOT NULL,
    subject  TEXT,
    body     TEXT NOT NULL,
    PRIMARY KEY (lineage, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_by_subject ON entries (lineage, subject, sequence);
CREATE INDEX entries_by_run ON entries (lineage, run, sequence);

CREATE TABLE runs (
    position INTEGER PRIMARY KEY,
    lineage  TEXT NOT NULL REFERENCES workspaces,
    id       TEXT NOT NULL,
    command  TEXT NOT NULL,
    who      TEXT NOT NULL,
    started  TEXT NOT NULL,
    finished TEXT,
    outcome  TEXT,
    summary  TEXT NOT NULL,
    body     TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_id ON runs (lineage, id, position);

CREATE TABLE locks (
    lineage   TEXT PRIMARY KEY REFERENCES workspaces,
    id        TEXT NOT NULL,
    who       TEXT NOT NULL,
    pid       INTEGER NOT NULL,
    operation TEXT NOT NULL,
    run       TEXT NOT NULL,
    info      TEXT NOT NULL,
    created   TEXT NOT NULL
) STRICT;

CREATE TRIGGER entries_are_appended BEFORE INSERT ON entries
WHEN NEW.sequence <> 1 + (SELECT coalesce(max(sequence), 0) FROM entries WHERE lineage = NEW.lineage)
BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER runs_are_appended BEFORE INSERT ON runs
WHEN EXISTS (SELECT 1 FROM runs WHERE position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER runs_are_not_changed BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER runs_are_not_deleted BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
