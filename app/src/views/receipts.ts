/** A receipt as a message, with the way to bring back what it replaced. */

import type { Members } from '../../../clients/typescript/src/json.ts';
import { shape } from '../../../clients/typescript/src/record.ts';
import { address, notice } from '../app.ts';
import type { Connection, Told } from '../connection.ts';
import { announce, button, fill, h } from '../dom.ts';
import type { Kind } from '../kinds.ts';
import { shownDifference } from '../words/difference.ts';
import { putBack, valueAt } from '../words/places.ts';
import { errorOf, reason } from '../words/problems.ts';
import { storyOf, type Replaced } from '../words/receipt.ts';
import { plain } from '../words/text.ts';

/** Shows a receipt. Its sentence comes as soon as the names in it are known. */
export function receiptNotice(connection: Connection, { written, receipt }: Told, linked: boolean): HTMLElement {
  const kind = connection.kind(written.resource);
  const element = notice('done');
  if (!kind) return element;
  const link = linked && h('p', {}, h('a', { href: address('record', kind, written.id) }, written.title));
  void storyOf(connection, kind, written, receipt).then((story) => {
    const replaced = story.replaced.map((lost) => replacedPart(connection, kind, written.id, lost));
    fill(element, link, story.sentence && h('p', {}, story.sentence), replaced);
    if (!linked) announce([story.sentence, ...story.replaced.map(({ sentence }) => sentence)].join(' '));
  });
  return element;
}

function replacedPart(connection: Connection, kind: Kind, id: string, lost: Replaced): HTMLElement {
  const more = h('div', { class: 'more' });
  const resource = connection.resource(kind);
  const versions = async (): Promise<[Members, Members]> => {
    const [old, made] = await Promise.all([
      resource.online.version(id, lost.version),
      resource.online.version(id, lost.made),
    ]);
    return [old.value, made.value];
  };
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      fill(more, notice('bad', reason(errorOf(error), kind)));
    }
  };
  const show = (): Promise<void> =>
    attempt(async () => {
      const [old, made] = await versions();
      const names = shape(kind.resource, kind.options);
      const [theirs, mine] = [valueAt(old, made, lost.pointer, names), valueAt(made, made, lost.pointer, names)];
      fill(more, shownDifference(plain(theirs), plain(mine)));
    });
  const back = (): Promise<void> =>
    attempt(async () => {
      const [old, made] = await versions();
      const record = resource.view(id) ?? (await resource.get(id));
      const { result } = await resource.edit(record, (draft) => {
        putBack(draft, old, made, lost.pointer, shape(kind.resource, kind.options));
      });
      fill(more, result === 'unchanged' ? 'It is there already.' : 'It is brought back.');
    });
  return h(
    'div',
    { class: 'replaced' },
    h('p', {}, lost.sentence),
    h(
      'div',
      { class: 'actions' },
      button('Bring it back', back, { 'aria-label': `Bring back the other ${lost.place}` }),
      button('Show the difference', show, { class: 'quiet', 'aria-label': `Show the difference of the ${lost.place}` }),
    ),
    more,
  );
}
