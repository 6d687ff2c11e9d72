"""The demonstration: invented people, their cards and phones on the page, and a clock to turn."""
