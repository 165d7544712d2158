-- The functions with which the first migrations extend older tables. Later ones change tables that are known.
drop function if exists fleet_private.ensure_constraint(regclass, text, text);
drop function if exists fleet_private.ensure_filled(regclass, text, text);
drop function if exists fleet_private.ensure_key(regclass, text, text);
