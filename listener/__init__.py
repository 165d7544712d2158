"""The listener: receive → store in Redis → PUBACK → enqueue what is complete. Small, and alone with MQTT."""
