-- Which account a connection reached when the ledger was begun: it is true of no other.

ALTER TABLE connection ADD COLUMN account TEXT;
