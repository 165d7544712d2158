-- Functions that read values from JSON of other parties. A value that does not fit gives null and never an
-- error, because one bad field in one message must not lose the other rows of a bulk call.

create or replace function fleet_private.as_integer(p_value text, p_least bigint, p_most bigint)
returns bigint
language sql
immutable
set search_path = ''
as $$
  select case
    when p_value ~ '^-?[0-9]{1,15}([.][0-9]{1,40})?$' then
      case when round(p_value::numeric) between p_least and p_most then round(p_value::numeric)::bigint end
  end
$$;

create or replace function fleet_private.as_number(p_value text, p_least double precision, p_most double precision)
returns double precision
language sql
immutable
set search_path = ''
as $$
  select case
    when p_value ~ '^-?[0-9]{1,15}([.][0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$' then
      case when p_value::double precision between p_least and p_most then p_value::double precision end
  end
$$;

-- Reads an ISO 8601 time; without an offset it is UTC. Words that Postgres accepts as a time ('now',
-- 'infinity') give null. So do years outside 1 to 9999, because the workers' Python dates cannot represent
-- them.
create or replace function fleet_private.as_time(p_value text)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
declare
  v_time timestamptz;
begin
  if p_value is null or p_value !~ '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[T ][0-9]{1,2}:[0-9]{2}' then
    return null;
  end if;
  v_time := case
    when p_value ~ '([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$' then p_value::timestamptz
    else p_value::timestamp at time zone 'UTC'
  end;
  return case when v_time >= '0001-01-01 00:00:00+00' and v_time < '10000-01-01 00:00:00+00' then v_time end;
exception
  when data_exception then
    return null;
end
$$;

create or replace function fleet_private.as_device_id(p_value text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when p_value ~ '^[A-Za-z0-9_-]{1,64}$' then p_value end
$$;

create or replace function fleet_private.as_image_name(p_value text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when length(p_value) between 1 and 255 then p_value end
$$;

create or replace function fleet_private.as_sha256(p_value text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when p_value ~ '^[0-9A-Fa-f]{64}$' then lower(p_value) end
$$;

-- Returns a JSON document that is stored for reference, up to 64 KiB; a larger one is replaced by a note of
-- its size.
create or replace function fleet_private.as_document(p_value jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when jsonb_typeof(p_value) = 'null' then null
    when octet_length(p_value::text) > 65536 then jsonb_build_object('omitted_bytes', octet_length(p_value::text))
    else p_value
  end
$$;

-- Returns the objects in a JSON array; returns no rows if the value is not an array.
create or replace function fleet_private.elements(p_value jsonb)
returns setof jsonb
language sql
immutable
set search_path = ''
as $$
  select e from jsonb_array_elements(case when jsonb_typeof(p_value) = 'array' then p_value else '[]' end) as e
   where jsonb_typeof(e) = 'object'
$$;

select fleet_private.set_callers(
  'service', 'fleet_private.as_number', 'fleet_private.as_device_id', 'fleet_private.as_image_name', 'fleet_private.as_sha256',
  'fleet_private.as_document', 'fleet_private.elements');
select fleet_private.set_callers('users', 'fleet_private.as_integer', 'fleet_private.as_time');
