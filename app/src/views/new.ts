/** The form of a new record. */

import { put, type Members } from '../../../clients/typescript/src/json.ts';
import { address, head, notice, type Place, type View } from '../app.ts';
import { announce, button, fill, h } from '../dom.ts';
import { RecordForm } from '../form/form.ts';
import { errorOf, reason } from '../words/problems.ts';

export function newView({ connection, kind, signal, go }: Place): View {
  const form = new RecordForm(kind, {}, true);
  const said = h('div', { class: 'said' });
  let made = false;
  let busy = false;

  async function save(): Promise<void> {
    // A second click would create a second record.
    if (busy || made) return;
    busy = true;
    try {
      await create();
    } finally {
      busy = false;
    }
  }

  async function create(): Promise<void> {
    if (!form.check(true)) {
      fill(said, notice('bad', 'Some fields need attention. Nothing was saved.'));
      announce('Some fields need attention. Nothing was saved.');
      return form.focusFault();
    }
    const members = {};
    form.apply(members);
    for (const [name, schema] of kind.members) {
      // A required text that may be empty is sent as it is.
      if (kind.required.has(name) && !Object.hasOwn(members, name) && schema.type === 'boolean')
        put(members, name, false);
    }
    try {
      const { record } = await connection.resource(kind).create(members as Members);
      made = true;
      if (record) go(address('record', kind, record.id));
    } catch (error) {
      fill(said, notice('bad', reason(errorOf(error), kind)));
    }
  }

  const title = `New ${kind.noun}`;
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    void save();
  };
  const element = h(
    'form',
    { onsubmit: onSubmit, novalidate: true },
    head(title),
    said,
    h('div', { class: 'card' }, form.element),
    h(
      'div',
      { class: 'bar' },
      h('button', { type: 'submit' }, `Create the ${kind.noun}`),
      button('Cancel', () => go(address('list', kind)), { class: 'quiet' }),
    ),
  );
  saveByKey(() => void save(), signal);
  return { title, element, clean: () => made || form.changed.length === 0 };
}

/** Saves with Ctrl+S. */
export function saveByKey(save: () => void, signal: AbortSignal): void {
  const pressed = (event: KeyboardEvent): void => {
    if (event.key !== 's' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    save();
  };
  window.addEventListener('keydown', pressed, { signal });
}
