-- What the pages of the console ask, by their addresses, with the parameters that they send: each page as it opens, and what is
-- asked as somebody uses it. `benchmarks.year` runs them as an admin of a company; a test compares the functions with those that
-- console/src calls. :device and :site are those of the company, :picture is its newest one, :channel its channel.

-- all pages: who am I
select u.role, json_build_object('company_id', c.company_id, 'name', c.name) from public.users u
  left join public.companies c using (company_id) where u.user_id = auth.uid() and u.company_id is not null limit 1;

-- overview
select public.console_overview(p_pictures => 12);

-- devices
select public.console_devices(p_search => null, p_site => null, p_tag => null, p_state => null, p_sort => 'state', p_limit => 30);

-- devices: somebody scrolls
select public.console_devices(p_search => null, p_site => null, p_tag => null, p_state => null, p_sort => 'state');

-- devices: a word
select public.console_devices(p_search => 'camera 1', p_site => null, p_tag => null, p_state => null, p_sort => 'name', p_limit => 30);

-- device
select public.console_device(p_device => :device);

-- device: 7 days
select public.console_device_history(p_device => :device, p_from => now() - interval '7 days', p_to => now());

-- device: 30 days
select public.console_device_history(p_device => :device, p_from => now() - interval '30 days', p_to => now());

-- device: settings
select public.console_device_checks(p_device => :device);

-- device: a schedule is tried
select public.console_wakes(p_device => :device, p_captures_per_day => 3);

-- gallery
select public.console_gallery(p_filter => '{"zone": "UTC"}');

-- gallery: a device
select public.console_gallery(p_filter => jsonb_build_object('zone', 'UTC', 'device', :device));

-- gallery: the pictures of a day
select public.console_pictures(p_from => now() - interval '2 days', p_to => now() - interval '1 day', p_filter => '{"zone": "UTC"}');

-- gallery: what has come
select public.console_arrivals(p_since => now() - interval '5 seconds', p_filter => '{"zone": "UTC"}');

-- gallery: a picture
select public.console_picture(p_capture => :picture);

-- gallery: a picture and those of the same hour
select public.console_picture(p_capture => :picture, p_every => 'day');

-- trends
select public.console_trends(p_from => current_date - 29, p_to => current_date, p_step => 'day', p_by => 'company');

-- trends: by device
select public.console_trends(p_from => current_date - 29, p_to => current_date, p_step => 'day', p_by => 'device');

-- trends: a sensor
select public.console_trend_sensor(p_sensor => 'temperature', p_from => current_date - 29, p_to => current_date, p_zone => 'UTC');

-- report
select public.console_report(p_from => current_date - 6, p_to => current_date);

-- report: a site
select public.console_report(p_from => current_date - 6, p_to => current_date, p_site => :site);

-- report: why not
select public.console_report_gaps(p_from => current_date - 6, p_to => current_date, p_site => :site);

-- alerts
select public.console_alerts(p_past => false, p_kind => null, p_site => null, p_device => null, p_before => null, p_before_id => null);

-- alerts: those that are over
select public.console_alerts(p_past => true, p_kind => null, p_site => null, p_device => null, p_before => null, p_before_id => null);

-- alerts: rules, channels and maintenance
select public.console_alert_settings();

-- alerts: what a channel was told
select public.channel_deliveries(p_channel => :channel, p_state => null);

-- keeping
select public.console_keeping();

-- keeping: a policy is tried
select public.preview_keep_policy(p_policy => jsonb_build_object('device_id', :device, 'max_age_days', 25));

-- keeping: pins
select public.console_pins(p_before => null, p_before_id => null);

-- keeping: time-lapses
select public.console_timelapses();

-- people
select user_id, email, role, created_at from public.users where company_id is not null order by created_at limit 500;

-- people: invitations
select invitation_id, email, role, expires_at from public.invitations where accepted_at is null order by created_at desc limit 200;

-- people: sites
select site_id, name, timezone from public.sites order by name limit 1000;

-- people: the log
select audit_id, at, actor_email, action, table_name, subject, changes from public.audit_log
 where audit_id < 9007199254740991 order by audit_id desc limit 50;

-- people: the log of a device
select audit_id, at, actor_email, action, table_name, subject, changes from public.audit_log
 where audit_id < 9007199254740991 and device_id = :device order by audit_id desc limit 50;

-- a device is searched by its name
select device_id, name from public.devices where name ilike '%camera 1%' or device_id ilike '%camera 1%' order by name limit 20;

-- Storage: may a thumbnail be read
select exists (select from public.captures where thumbnail_path = :thumbnail and shares_object is not true
                 and company_id = (select fleet_private.company_of_user()));
