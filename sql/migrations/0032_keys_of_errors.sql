-- run: batches of public.device_errors
update public.device_errors
   set message_key = coalesce(message_key, gen_random_uuid()::text),
       occurred_at = case when occurred_at < now() + interval '20 days' then occurred_at else least(created_at, now()) end
 where ctid >= :first and ctid < :last
   and (message_key is null or occurred_at >= now() + interval '20 days');
