// Shows the document beside this page with Scalar, and lets its requests be tried on the host it came from.
// Nothing is asked of any other host: no fonts, no proxy, no telemetry.

const base = new URL(".", location.href).href.replace(/\/$/, "");

document.getElementById("plain").remove();
Scalar.createApiReference("#reference", {
  url: "openapi.json",
  servers: [{ url: base }],
  authentication: { preferredSecurityScheme: "key" },
  proxyUrl: "",
  withDefaultFonts: false,
  telemetry: false,
  defaultOpenAllTags: true,
  hideClientButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
});
