"""Forward authentication: for each request, a web server asks the login system whether the visitor is logged in."""
