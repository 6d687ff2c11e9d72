"""Messages to people: the outbox, and the senders that deliver it."""
