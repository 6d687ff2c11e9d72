"""Protection of the two HTTP servers, the service and the portal: limits on times, connections and the rate of requests."""
