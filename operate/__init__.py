"""For the people who run the service: is it well, what does it do now, and what must be set up."""
