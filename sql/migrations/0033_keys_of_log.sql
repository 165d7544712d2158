-- run: batches of public.device_publish_log
update public.device_publish_log
   set message_key = coalesce(message_key, gen_random_uuid()::text),
       received_at = least(received_at, now())
 where ctid >= :first and ctid < :last
   and (message_key is null or received_at >= now() + interval '20 days');
