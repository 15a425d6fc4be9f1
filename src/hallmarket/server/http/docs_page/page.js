// Swagger UI would send the examples of parameters that nobody needs to give: an organization that is not the reader's,
// or a key of idempotency that was used before. Those stay empty until they are filled in.
const leaveOptionalParametersEmpty = (response) => {
  if (!response.url.endsWith("/openapi.json")) return response;
  const described = JSON.parse(response.text);
  const operations = Object.values(described.paths).flatMap((path) => Object.values(path));
  const parameters = operations.flatMap((operation) => operation.parameters ?? []);
  for (const parameter of [...parameters, ...Object.values(described.components.parameters)])
    if (!parameter.required) delete parameter.example;
  response.text = JSON.stringify(described);
  return response;
};

// validatorUrl: Swagger UI would otherwise send the document's address to a service elsewhere.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#document",
  responseInterceptor: leaveOptionalParametersEmpty,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  validatorUrl: null,
});
