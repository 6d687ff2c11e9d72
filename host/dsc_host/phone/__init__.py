"""A simulated app on a phone: it has a real key, gives real responses, and keeps no PIN anywhere."""
