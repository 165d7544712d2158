-- run: batches of public.device_commands
update public.device_commands as r
   set company_id = d.company_id
  from public.devices d
 where r.ctid >= :first and r.ctid < :last
   and d.device_id = r.device_id and r.company_id is null and d.company_id is not null;
