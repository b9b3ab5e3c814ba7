// Keeps the memory of the module that is instantiated after this.
const Instance = WebAssembly.Instance;
let memory;

WebAssembly.Instance = function (...given) {
  const instance = new Instance(...given);
  ({ memory } = instance.exports);
  return instance;
};

// Returns its size in bytes.
export const size = () => memory.buffer.byteLength;
