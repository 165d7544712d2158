"""What the service is made of: what is known against its parts, and the bill of them."""
