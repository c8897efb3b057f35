"""A hub for a workshop: its configuration for one shared server, and a rehearsal with simulated learners."""
