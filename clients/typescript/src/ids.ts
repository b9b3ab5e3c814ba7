/** Ids that the client makes: of records and entries, and of requests. */

/** Returns a UUID of version 7 (RFC 9562): the time in milliseconds, then random bits. */
export function uuid(now: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let place = 5, rest = now; place >= 0; place--, rest = Math.floor(rest / 256)) bytes[place] = rest; // its lowest 8 bits
  bytes[6] = 0x70 | (bytes[6]! & 15); // sixteen bytes, so each of these is there
  bytes[8] = 0x80 | (bytes[8]! & 63);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Returns a new Idempotency-Key: 128 random bits in 22 characters. */
export function idempotencyKey(): string {
  const text = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16)));
  return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
