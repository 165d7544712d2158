-- run: concurrently
-- The readings of a company by when they were measured: a page of those of all devices, for exports.
create index concurrently if not exists sensor_readings_company_id_measured_at_idx
  on public.sensor_readings (company_id, measured_at, reading_id);
