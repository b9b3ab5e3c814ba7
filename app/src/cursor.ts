/** Cursors of the past, in the API's own form. The API itself gives out cursors of the present only. */

/** Returns the cursor of what a resource's records changed since a time, as core/src/service/changes.rs writes it. */
export function cursorOf(resource: string, milliseconds: number): string {
  const place = [3, [resource, { since: [{ at: milliseconds, within: null }] }]];
  return btoa(JSON.stringify(place)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
