"""Scripts that use a card without a person, and recordings of what a card shows."""
