"""Every test of the login system may have a town."""

from tests.login import town as towns

clock = towns.clock
town = towns.town
quick_town = towns.quick_town
