// The service worker of the page /app. It keeps the page's own files, so that the page opens without a network. Answers of
// the API are not kept here: records and edits are in the outbox.

const NAME = "ripple-app";
const base = new URL("..", location.href);
const FILES = ["app", "app/app.js", "app/app.css", "app/icon.svg", "openapi.json"].map((path) => new URL(path, base).href);

addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES)));
  skipWaiting();
});

addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const file = event.request.url.replace(/[?#].*/, "");
  if (event.request.method === "GET" && FILES.includes(file)) event.respondWith(answer(event.request, file));
});

// Answers with the server's file, or with the kept one if the server cannot be reached.
async function answer(request, file) {
  const cache = await caches.open(NAME);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(file, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(file);
    if (!kept) throw error;
    return kept;
  }
}
