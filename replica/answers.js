// The answers that an object keeps in its memory, for one state of its tables.

// The number of answers, and the bytes of all of them. An object may have 48 MB.
const ANSWERS = 200;
const BYTES = 4 * 1024 * 1024;

// By the storage of each object, since objects may share this module.
const objects = new WeakMap();

function of(storage, state) {
  let object = objects.get(storage);
  if (object?.state !== state) {
    object = { state, bytes: 0, answers: new Map() };
    objects.set(storage, object);
  }
  return object;
}

// Returns undefined if nothing is kept under this name.
export function kept(storage, state, name) {
  const { answers } = of(storage, state);
  const found = answers.get(name);
  if (found === undefined) return;
  // The one that was used last is forgotten last.
  answers.delete(name);
  answers.set(name, found);
  return found;
}

export function keep(storage, state, name, bytes) {
  const object = of(storage, state);
  const { answers } = object;
  object.bytes += bytes.length - (answers.get(name)?.length ?? 0);
  answers.delete(name);
  answers.set(name, bytes);
  while (answers.size > ANSWERS || object.bytes > BYTES) {
    const [oldest, { length }] = answers.entries().next().value;
    answers.delete(oldest);
    object.bytes -= length;
  }
}
