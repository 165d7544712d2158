-- run: concurrently
-- Every second claim_commands() asks which commands are past their deadline and which devices have just been heard. It read
-- all commands that wait and all devices for it.
create index concurrently if not exists device_commands_deadline_idx
  on public.device_commands (deadline) where status in ('queued', 'sent');
create index concurrently if not exists devices_last_seen_at_idx on public.devices (last_seen_at);
