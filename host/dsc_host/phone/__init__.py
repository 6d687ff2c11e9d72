"""A simulated phone app, with a real key and real responses. It stores no PIN."""
