-- Captures that agents keep: how much of each has come here. Null: this server recorded it itself.
alter table capture add column received_bytes bigint;
