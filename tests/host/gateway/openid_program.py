"""A program that logs its users in by OpenID Connect."""

from dsc_host.gateway.openid.clients import Client

WIKI = Client(name="wiki", title="The Wiki", redirects=("https://wiki.example.com/login",))
