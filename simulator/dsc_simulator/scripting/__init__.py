"""Scripts for a card without a person, and recordings of what it shows."""
