"""Scripts that use a card, and recordings of its display."""
