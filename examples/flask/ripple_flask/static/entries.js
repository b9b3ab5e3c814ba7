// The timeline of an open form: an entry that the reader has not touched takes what others saved. A touched one stays
// on its base, and gets a note.
import { adopt, base, note, touched } from "./controls.js";

const controls = (row) => [...row.querySelectorAll("input:not([type=hidden]), textarea")];
const fields = (row) => controls(row).filter((control) => control.type !== "checkbox");
const entry = (row) => row.querySelector("[name$=-entry]");
const place = (row) => Number(row.dataset.place);
const text = (row) => entry(row).value;
const isRemoved = (row) => row.querySelector("[type=checkbox]")?.checked ?? false;

/** Returns the id of a row's entry, as ripple knows it. */
const idOf = (row) => {
  const { id } = JSON.parse(text(row)) ?? {};
  return typeof id === "string" && id !== "" ? `"${id}"` : Number.isSafeInteger(id) ? String(id) : undefined;
};

/** Groups the rows without a partner by the row with a partner that they follow. */
const runs = (rows, hasPartner) => {
  const found = new Map();
  let after;
  for (const row of rows) {
    if (hasPartner(row)) after = row;
    else found.set(after, [...(found.get(after) ?? []), row]);
  }
  return found;
};

/** Finds for each of my rows the row of the same entry in theirs. */
const pair = (mine, theirs) => {
  const waiting = new Map();
  const key = (row) => idOf(row) ?? `value ${text(row)}`;
  for (const row of theirs) waiting.set(key(row), [...(waiting.get(key(row)) ?? []), row]);
  const pairs = new Map();
  for (const row of mine) {
    const other = waiting.get(key(row))?.shift();
    if (other) pairs.set(row, other);
  }
  // An entry without an id gets one by the first save. It has its place then.
  const taken = new Set(pairs.values());
  const others = runs(theirs, (row) => taken.has(row));
  for (const [after, run] of runs(mine, (row) => pairs.has(row))) {
    const other = others.get(pairs.get(after));
    if (other?.length !== run.length || run.some(idOf)) continue;
    run.forEach((row, at) => pairs.set(row, other[at]));
  }
  return pairs;
};

/** Reports whether a row shows what another one does. */
const shows = (row, other) => {
  const [mine, theirs] = [fields(row), fields(other)];
  return !isRemoved(row) && mine.length === theirs.length && mine.every(({ value }, at) => value === base(theirs[at]));
};

/** Returns the entry of an untouched row in words. */
const said = (row) => row.querySelector("code")?.textContent ?? fields(row).map(base).filter(Boolean).join(" ");

/** Takes over the entry of another row. Returns the row that has it: this one, if it has the same controls. */
const take = (row, other) => {
  const [mine, theirs] = [fields(row), fields(other)];
  if (mine.length !== theirs.length || row.querySelector("code") || other.querySelector("code")) return other;
  mine.forEach((control, at) => adopt(control, theirs[at]));
  entry(row).replaceWith(entry(other));
  return row;
};

/** Gives the controls of a row the names of a place. */
const rename = (row, number, state) => {
  row.dataset.place = number;
  for (const name of ["name", "id", "for"]) {
    for (const element of row.querySelectorAll(`[${name}^=row-]`)) {
      const [, part, at] = /^row-\d+-(\w+)(@?)/.exec(element.getAttribute(name));
      element.setAttribute(name, `row-${number}-${part}${at && at + state}`);
    }
  }
  for (const button of row.querySelectorAll("[name=arrange]")) button.value = button.value.replace(/\d+/, number);
};

/** Puts rows after the ones that they follow in a list. The last ones of the list become the last entries. */
const insert = (rows, list) => {
  const known = new Set(rows);
  const last = list.findLastIndex((row) => known.has(row));
  list.forEach((row, at) => {
    if (known.has(row)) return;
    const before = at > last ? rows.findLast(entry) : list.slice(0, at).findLast((other) => known.has(other));
    rows.splice(rows.indexOf(before) + 1, 0, row);
    known.add(row);
  });
};

/** Makes these the rows of the list, and moves no more of them than necessary. */
const arrange = (list, rows) => {
  const focused = document.activeElement;
  for (const row of [...list.children]) if (!rows.includes(row)) row.remove();
  rows.forEach((row, at) => list.children[at] === row || list.insertBefore(row, list.children[at] ?? null));
  if (list.contains(focused)) focused.focus();
};

/**
 * Folds their timeline into mine, entry by entry. `words` has the notes of an entry. Returns whether anything has
 * changed, whether an entry stays on its old base, and whether such an entry is in theirs no longer.
 */
export function foldEntries(mine, theirs, words) {
  const old = [...mine.children];
  const known = old.filter(entry).sort((one, other) => place(one) - place(other));
  const news = [...theirs.children].filter(entry);
  const isMoved = old.some((row, at) => at > 0 && place(row) < place(old[at - 1]));
  const pairs = pair(known, news);
  const notes = new Map();
  const result = { isChanged: false, isBehind: false, isAlone: false };
  const shown = new Map();
  const stays = (row, name, other) => {
    const told = words?.querySelector(`[data-entry-${name}]`)?.cloneNode(true);
    told?.querySelector("q").append(said(other ?? row));
    notes.set(row, told);
    row.classList.remove("folded");
    result.isBehind = true;
    return row;
  };
  const into = (row, other) => {
    const has = take(row, other);
    has.classList.add("folded");
    result.isChanged = true;
    return has;
  };
  // The rows to show, by the rows that they were.
  const after = new Map();
  for (const row of known) {
    const other = pairs.get(row);
    const isMine = controls(row).some(touched);
    if (!other && isMine && !isRemoved(row)) {
      after.set(row, stays(row, "gone"));
      result.isAlone = true;
    } else if (!other) result.isChanged = true;
    else {
      const isNew = text(row) !== text(other);
      const has = !isNew ? row : isMine && !shows(row, other) ? stays(row, isRemoved(row) ? "kept" : "changed", other) : into(row, other);
      after.set(row, has);
      shown.set(other, has);
    }
  }
  const order = news.map((row) => {
    if (shown.has(row)) return shown.get(row);
    row.classList.add("folded");
    result.isChanged = true;
    return row;
  });
  insert(order, known.filter((row) => after.has(row)).map((row) => after.get(row)));
  const fresh = old.filter((row) => !entry(row));
  const rows = isMoved ? old.filter((row) => after.has(row) || fresh.includes(row)).map((row) => after.get(row) ?? row) : [...order, ...fresh];
  insert(rows, order);
  [...order, ...fresh].forEach((row, number) => rename(row, number, mine.dataset.state));
  arrange(mine, rows);
  for (const row of rows) note(row, `row-${place(row)}-note`, notes.get(row), fields(row).at(-1));
  return result;
}
