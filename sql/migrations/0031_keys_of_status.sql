-- run: batches of public.device_status
update public.device_status
   set message_key = coalesce(message_key, gen_random_uuid()::text),
       received_at = case when received_at < now() + interval '20 days' then received_at else least(created_at, now()) end
 where ctid >= :first and ctid < :last
   and (message_key is null or received_at is null or received_at >= now() + interval '20 days');
