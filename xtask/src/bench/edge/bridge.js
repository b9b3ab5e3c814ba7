// Lets another process reach this one's objects: see remote.js.
export default {
  fetch(request, env) {
    const object = request.headers.get("bench-object");
    if (object === null) return new Response("ready");
    return env.REPLICA.get(env.REPLICA.idFromName(object)).fetch(request);
  },
};
