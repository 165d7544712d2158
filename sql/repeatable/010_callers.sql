-- The functions that signed-in users may call, and the only place where they are listed. `fleet doctor`,
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
    -- So does the policy of the pictures; 080_storage.sql.
    'fleet_private.bucket',
    -- A check of public.sites asks it as the user. It looks at nothing but its argument.
    'fleet_private.is_timezone',
    -- 025_people.sql
    'public.accept_invitation', 'public.invite_member', 'public.remove_member', 'public.set_member_role',
    -- 026_devices_of_companies.sql
    'public.cancel_command', 'public.claim_device', 'public.release_device', 'public.set_schedule', 'public.update_device',
    -- 088_console_alerts.sql; they have the rights of who calls them, and say what 081_events.sql and 083_alert_rules.sql know
    -- of everybody.
    'public.console_alerts', 'public.console_alert_settings', 'fleet_private.alert_defaults', 'fleet_private.event_types',
    -- 089_retention_pages.sql; they have the rights of who calls them.
    'public.console_keeping', 'public.console_pins', 'public.console_timelapses',
    -- 083_alert_rules.sql, 084_alerts.sql
    'public.acknowledge_alert', 'public.end_maintenance', 'public.set_alert_rule', 'public.snooze_alert',
    'public.start_maintenance',
    -- 079_timelapses.sql
    'public.cancel_timelapse', 'public.delete_timelapse', 'public.request_timelapse',
    -- 082_channels.sql
    'public.channel_deliveries', 'public.create_channel', 'public.delete_channel', 'public.replay_events',
    'public.rotate_channel_secret', 'public.test_channel', 'public.update_channel',
    -- 088_console.sql, 089_summary.sql; they have the rights of who calls them.
    'public.console_devices', 'public.console_overview', 'public.update_devices',
    -- 078_trend.sql; it has the rights of who calls it.
    'public.sensor_trend',
    -- 087_story.sql; it has the rights of who calls it, and so has what it calls. Those look at nothing but their arguments;
    -- zone_of also at the schedules that the user may read.
    'public.capture_story', 'fleet_private.as_integer', 'fleet_private.as_time', 'fleet_private.seconds_text',
    'fleet_private.sentence', 'fleet_private.story_events', 'fleet_private.story_gaps', 'fleet_private.story_loss',
    'fleet_private.story_sentences', 'fleet_private.story_time', 'fleet_private.story_timeline', 'fleet_private.times_text',
    'fleet_private.zone_of',
    -- 088_link_advice.sql; it has the rights of who calls it.
    'public.link_advice',
    -- 088_gaps.sql
    'public.device_gaps',
    -- 088_console_device.sql; they have the rights of who calls them, and what they call looks at its arguments alone.
    'public.console_device', 'public.console_device_history', 'public.console_wakes', 'fleet_private.wake_grace',
    'fleet_private.wake_offset', 'fleet_private.wake_times', 'fleet_private.wakes_within',
    -- 089_console_checks.sql; it has the rights of who calls it.
    'public.console_device_checks',
    -- 088_console_gallery.sql; they have the rights of who calls them.
    'public.console_gallery', 'public.console_pictures', 'public.console_arrivals', 'public.console_picture',
    'fleet_private.asked_again', 'fleet_private.gallery_filter', 'fleet_private.gallery_condition',
    'fleet_private.gallery_picture', 'fleet_private.is_asked_again',
    -- 079_picture_quarters.sql; it counts the pictures of the caller's company.
    'fleet_private.pictures_by_quarter',
    -- 088_console_trends.sql, 088_console_report.sql; they have the rights of who calls them, and so has what they call.
    'public.console_trends', 'public.console_trend_sensor', 'public.console_report', 'public.console_report_gaps',
    'fleet_private.most_device_days', 'fleet_private.devices_asked', 'fleet_private.check_days', 'fleet_private.errors_by_hour',
    'fleet_private.storage_by_day', 'fleet_private.report_devices',
    -- 089_policies.sql
    'public.delete_captures', 'public.pin_captures', 'public.preview_keep_policy', 'public.set_keep_policy',
    'public.storage_usage'
  ]
$$;

select fleet_private.set_callers('service', 'fleet_private.functions_for_users');
