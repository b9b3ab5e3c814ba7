// The files in edge/site: the pages and the OpenAPI document.

const FILE = /^\w+:\/\/[^/?#]+\/(docs|openapi\.json|app(\?.*)?)$/;

// The page that leads a browser to the others. Other clients get the API's answer.
const FIRST = /^\w+:\/\/[^/?#]+\/(\?.*)?$/;

// Answers GET and HEAD of a file. The API answers other methods on the same path.
export function file(request, env) {
  const { method, url, headers } = request;
  if (!["GET", "HEAD"].includes(method)) return;
  if (FILE.test(url) || (FIRST.test(url) && headers.get("accept")?.includes("text/html"))) return env.FILES.fetch(request);
}
