"""Drawings made by the program: the card, its wiring, and the pictures of the documents."""
