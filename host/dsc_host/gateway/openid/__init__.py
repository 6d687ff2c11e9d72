"""OpenID Connect: other programs log their users in at the portal, with the authorization code flow."""
