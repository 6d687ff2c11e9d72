// Show the description of the service with Swagger UI, in place of the plain list of calls.
"use strict";
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#calls",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
});
