"""Three weeks of a simulated fleet, written into the embedded Supabase before it starts."""
