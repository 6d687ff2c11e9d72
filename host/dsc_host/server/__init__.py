"""Protection of both HTTP servers, the service and the portal: limits on time, on connections and on the rate of requests."""
