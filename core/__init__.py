"""What the listener and the workers share: the wire protocol, the chunk store, settings and errors."""
