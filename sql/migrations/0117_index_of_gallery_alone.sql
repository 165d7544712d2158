-- run: concurrently
-- captures_gallery_idx begins with the same columns.
drop index concurrently if exists public.captures_company_id_captured_at_idx;
