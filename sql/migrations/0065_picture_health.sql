-- How a picture looks: figures that a worker takes from its thumbnail, and what they say about the camera.
-- repeatable/048_picture_health.sql has what judges them. All are null in rows that were not judged.
alter table public.captures
  add column brightness real,
  add column contrast real,
  add column sharpness real,
  add column dhash bigint,
  add column health text,
  add column health_reason text;
alter table public.captures add constraint captures_health_check
  check (health in ('ok', 'black', 'white', 'blurred', 'frozen', 'covered', 'shifted', 'damaged')) not valid;

comment on column public.captures.brightness is 'Mean of the luma of the thumbnail, 0 (black) to 255 (white).';
comment on column public.captures.contrast is 'Standard deviation of the luma of the thumbnail, 0 to 127.5.';
comment on column public.captures.sharpness is 'Variance of the Laplacian of the luma of the thumbnail.';
comment on column public.captures.dhash is 'Difference hash of 64 bits: pictures that look alike differ in few of them.';
comment on column public.captures.health is 'What the picture says about the camera, judged when it was recorded against the device''s earlier pictures; null if it was not judged.';
comment on column public.captures.health_reason is 'Why it is not ok, as a sentence with figures.';
