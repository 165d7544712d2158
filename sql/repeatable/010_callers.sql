-- The functions that signed-in users may call, and the only place where they are listed. `operate.doctor`,
-- verification.sql and the tests report every other function that users may call. The file that makes a function still
-- grants it, with set_callers('users', …): a test compares the two.

create or replace function fleet_private.functions_for_users()
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array[
    -- Row level security asks these as the user. They tell a user about itself alone.
    'fleet_private.company_of_user', 'fleet_private.user_may',
    -- A check of public.sites asks it as the user. It looks at nothing but its argument.
    'fleet_private.is_timezone',
    -- 025_people.sql
    'public.accept_invitation', 'public.invite_member', 'public.remove_member', 'public.set_member_role',
    -- 026_devices_of_companies.sql
    'public.cancel_command', 'public.claim_device', 'public.release_device', 'public.set_schedule', 'public.update_device',
    -- 078_trend.sql; it has the rights of who calls it.
    'public.sensor_trend'
  ]
$$;

select fleet_private.set_callers('service', 'fleet_private.functions_for_users');
