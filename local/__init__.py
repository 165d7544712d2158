"""The embedded stack: Redis, an MQTT broker and Supabase as local processes, and the demo that uses them."""
