/** The sign-in form: a key and a name. */

import { Client } from '../../../clients/typescript/src/client.ts';
import { notice } from '../app.ts';
import { fill, h } from '../dom.ts';
import type { Kind } from '../kinds.ts';
import { known, nameFault, signIn, type Session } from '../session.ts';
import { errorOf, reason } from '../words/problems.ts';

/** Shows the form. Resolves once the server has accepted the key. */
export function showSignIn(root: HTMLElement, kind: Kind, lead: string): Promise<Session> {
  return new Promise((resolve) => {
    const key = h('input', {
      type: 'password',
      id: 'key',
      autocomplete: 'off',
      spellcheck: 'false',
      'aria-required': 'true',
      'aria-describedby': 'key-hint',
    });
    const name = h('input', { type: 'text', id: 'name', autocomplete: 'name', 'aria-required': 'true' });
    name.value = known()?.name ?? '';
    const said = h('div', { class: 'said', role: 'alert' });
    const send = h('button', { type: 'submit' }, 'Sign in');
    const enter = async (): Promise<void> => {
      const [secret, called] = [key.value.trim(), name.value.trim().normalize('NFC')];
      const fault = secret ? nameFault(called) : 'The key is required.';
      if (fault) return fill(said, notice('bad', fault));
      send.disabled = true;
      try {
        const client = new Client(new URL('.', location.href), { key: secret });
        await client.resource(kind.resource, kind.options).list({ limit: 1 }).pages().next();
        resolve(signIn(secret, called));
      } catch (error) {
        fill(said, notice('bad', reason(errorOf(error))));
        key.focus();
      } finally {
        send.disabled = false;
      }
    };
    const onsubmit = (event: Event): void => {
      event.preventDefault();
      void enter();
    };
    const hint = 'It stays in this tab, and goes with it. “ripple dev” prints one when it starts.';
    fill(
      root,
      h(
        'main',
        { class: 'narrow', id: 'main' },
        h('h1', {}, 'ripple'),
        h('p', {}, lead),
        h(
          'form',
          { class: 'card', onsubmit, novalidate: true },
          said,
          h(
            'div',
            { class: 'field' },
            h('label', { for: 'key' }, 'Key'),
            h('p', { class: 'hint', id: 'key-hint' }, hint),
            key,
          ),
          h('div', { class: 'field' }, h('label', { for: 'name' }, 'Your name'), name),
          h('div', { class: 'actions' }, send),
        ),
        h(
          'p',
          { class: 'hint' },
          h('a', { href: '?demo' }, 'See two people at once'),
          ' · ',
          h('a', { href: 'docs' }, 'The API'),
        ),
      ),
    );
    document.title = 'Sign in – ripple';
    key.focus();
  });
}
