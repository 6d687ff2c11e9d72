"""The demonstration: invented people, their cards and phones on pages, and a clock that the visitor can advance."""

from dsc_host.portal.demo.demonstration import Demonstration, begin
from dsc_host.portal.demo.pages import extension

__all__ = ["Demonstration", "begin", "extension"]
