"""RADIUS: name and password, then the challenge of the user's device (RFC 2865, with the signatures of RFC 3579)."""
