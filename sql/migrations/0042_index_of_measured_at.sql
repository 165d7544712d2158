-- run: concurrently
create index concurrently if not exists sensor_readings_device_id_measured_at_idx
  on public.sensor_readings (device_id, measured_at);
