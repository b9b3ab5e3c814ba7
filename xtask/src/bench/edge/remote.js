// The edge worker in front of a replica whose objects run in another process: bridge.js there passes requests on.
import worker from "../../../../edge/near/worker.js";

const namespace = (service) => ({
  idFromName: (name) => name,
  get: (name) => ({ fetch: (url, init) => service.fetch(url, { ...init, headers: { ...init.headers, "bench-object": name } }) }),
});

export default {
  fetch: (request, env, context) => worker.fetch(request, { ...env, REPLICA: namespace(env.OBJECTS) }, context),
};
