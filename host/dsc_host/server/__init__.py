"""Protection of the two HTTP servers, the service and the portal: limits on times, on connections and on the request rate."""
