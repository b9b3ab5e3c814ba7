/** Names of stores and accounts. */

/** Returns a hash of a text that tells accounts apart: 64 bits of FNV-1a. It hides nothing. */
export function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}

/** Returns the name of the store of one account at one server. */
export function databaseName(url: string | URL, account: string): string {
  return `ripple-${fingerprint(JSON.stringify([new URL(url).origin, account]))}`;
}
