-- What is being delivered, channel by channel.
create index deliveries_claimed_idx on fleet_private.deliveries (channel_id)
  where state = 'waiting' and claimed_until is not null;
