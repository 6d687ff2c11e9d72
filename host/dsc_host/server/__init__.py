"""What protects both HTTP servers, the service and the portal, from their clients: limits on time and on connections."""
