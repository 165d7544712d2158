-- run: concurrently
-- They become the primary keys: a message is one row, whose time is told by the message.
create unique index concurrently if not exists device_status_key_and_time
  on public.device_status (message_key, received_at);
create unique index concurrently if not exists device_errors_key_and_time
  on public.device_errors (message_key, occurred_at);
create unique index concurrently if not exists device_publish_log_key_and_time
  on public.device_publish_log (message_key, received_at);
