"""The listener: receive, store in Redis, enqueue complete captures, then send the PUBACKs."""
