"""Security devices: their registry, their lifecycle, and their kinds."""
