-- run: batches of public.device_command_logs
update public.device_command_logs as r
   set company_id = c.company_id
  from public.device_commands c
 where r.ctid >= :first and r.ctid < :last
   and c.command_id = r.command_id and r.company_id is null and c.company_id is not null;
