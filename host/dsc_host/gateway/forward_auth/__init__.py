"""Forward authentication: a web server asks for each request whether its visitor is logged in here."""
