-- run: concurrently
-- The latest changes of a company, for the console's page of them. They were looked for among the latest of all companies:
-- for a company of 20 devices among 10,000, 26,000 entries of others were read for a page of 50.
create index concurrently if not exists audit_log_company_id_audit_id_idx on public.audit_log (company_id, audit_id desc);
