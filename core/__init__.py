"""Code that the listener and the workers share: wire protocol, Redis store, settings and errors."""
