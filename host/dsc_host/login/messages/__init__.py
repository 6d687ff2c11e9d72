"""Messages to people: the outbox and what sends it."""
