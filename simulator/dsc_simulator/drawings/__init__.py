"""Drawings that the program makes: the card, its wiring, and the pictures in the documents."""
