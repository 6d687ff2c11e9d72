"""The life of a card between its request and its return."""
