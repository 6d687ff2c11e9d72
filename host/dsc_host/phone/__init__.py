"""A phone app that runs as a program on a computer, with the keys and the responses of a real app. It stores no PIN."""
