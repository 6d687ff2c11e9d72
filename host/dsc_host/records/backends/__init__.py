"""The databases that the records can be kept in."""
