/** The running ripple that tests use, from the variables that tests/python/test_client_typescript.py sets. */

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

export const URL_OF_RIPPLE = variable('RIPPLE_URL');
export const KEY = variable('RIPPLE_KEY');
/** The same key with another last letter. */
export const DAMAGED_KEY = KEY.slice(0, -1) + (KEY.endsWith('0') ? '1' : '0');
/** The key of another person. */
export const OTHER_KEY = variable('RIPPLE_OTHER_KEY');

/** A valid project. */
export const PROJECT = {
  name: 'Garden',
  goal: 'Beans by June',
  issue: 'Snails',
  description: 'Raised beds behind the house',
  term: 3,
  term_unit: 'month',
  create_date: '2026-03-01',
};
