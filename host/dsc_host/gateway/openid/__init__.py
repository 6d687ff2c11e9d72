"""OpenID Connect: other programs log their users in at the portal, by the authorization code flow."""
