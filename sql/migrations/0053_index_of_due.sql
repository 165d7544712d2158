-- run: concurrently
-- What waits for a channel, the oldest first.
create index concurrently if not exists deliveries_due_idx on fleet_private.deliveries (channel_id, number) where state = 'waiting';
