// The calls into WebAssembly that are under way, by what ends them from outside. What a call waits for is in the memory of
// WebAssembly. So when that is replaced, the call would never return.
const underway = new Set();

// Runs a call. It throws if the memory is replaced before it has returned.
export async function run(work) {
  const { promise, reject } = Promise.withResolvers();
  underway.add(reject);
  try {
    return await Promise.race([work(), promise]);
  } finally {
    underway.delete(reject);
  }
}

// Reports whether no call is under way.
export function idle() {
  return underway.size === 0;
}

// Ends all calls, since the memory is replaced.
export function lose() {
  for (const reject of underway) reject(new Error("the memory was replaced"));
  underway.clear();
}
