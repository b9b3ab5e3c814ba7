// A page that stays open: what others save goes into it. In a form it goes into the fields that the reader has not
// touched. A touched field stays, keeps its base, and gets a note.

import { adopt, base, note, touched } from "./controls.js";
import { foldEntries } from "./entries.js";

const form = document.querySelector("form[data-guard]");

const named = (within, name) => within.querySelector(`[name^="${CSS.escape(name)}@"]`);

/** Puts a hidden control that the page was sent in place of an old one. A browser would restore a changed value. */
const replace = (old, now, name) => old.querySelector(`[name=${name}]`).replaceWith(now.querySelector(`[name=${name}]`));

/** Says beside a field what others did to it. */
const tell = (place, now, name, kind, control) => {
  const words = now.querySelector(`[data-note="${CSS.escape(name)}"] [data-${kind}]`);
  place.classList.toggle("folded", kind === "folded" && control !== undefined);
  note(place, `${name}-note`, words, control);
};

/** Makes what the page was sent the base of a field: see forms.py. */
const rebase = (seen) => {
  form.querySelector(`[name="${CSS.escape(seen.name)}"]`)?.remove();
  form.append(seen);
};

/** Folds a field. Reports whether it stays behind, on its old base. */
const foldField = (now, seen) => {
  const name = seen.name.slice("seen-".length);
  const [mine, theirs] = [named(form, name), named(now, name)];
  if (!mine || !theirs) return false;
  const text = base(theirs);
  if (touched(mine) && mine.value !== text) {
    if (base(mine) === text) return false;
    tell(mine.closest(".field"), now, name, "kept", mine);
    return true;
  }
  const changed = base(mine) !== text;
  adopt(mine, theirs);
  rebase(seen);
  if (changed) tell(mine.closest(".field"), now, name, "folded", mine);
  return false;
};

/** Folds the timeline entry by entry. Reports whether an entry stays behind, or all of a timeline that is no list now. */
const foldRows = (now) => {
  const [mine, theirs] = [form.querySelector("#rows"), now.querySelector("#rows")];
  if (!mine) return false;
  const place = mine.closest("fieldset");
  if (!theirs) {
    tell(place, now, "timeline", "kept");
    return true;
  }
  const { isChanged, isBehind, isAlone } = foldEntries(mine, theirs, now.querySelector("[data-note=timeline]"));
  if (isBehind || isChanged) {
    tell(place, now, "timeline", isBehind ? "kept" : "folded");
    mine.dispatchEvent(new Event("replaced"));
  }
  // With an entry that theirs no longer has, mine stays the list that it was.
  if (!isAlone) replace(form, now, "timeline");
  return isBehind;
};

/** Gives the form the names of its new state, under which a browser restores what is typed from here on. */
const rename = (state) => {
  const old = form.name.split("@")[1];
  for (const name of ["name", "id", "for", "href"]) {
    for (const element of document.querySelectorAll(`[${name}$="@${old}"]`)) {
      element.setAttribute(name, element.getAttribute(name).replace(`@${old}`, `@${state}`));
    }
  }
  const rows = form.querySelector("#rows");
  if (rows) rows.dataset.state = state;
};

/** Folds a page to read: all of it, and what has changed is marked. */
const foldReading = (now) => {
  const [old, columns] = [document.querySelector(".columns"), now.querySelector(".columns")];
  if (!old || !columns) return;
  const items = (within) => [...within.querySelectorAll("dt, .entry")];
  const content = (item) => (item.localName === "dt" ? item.nextElementSibling : item);
  const said = (item) => `${item.textContent}\n${content(item).textContent}`;
  const before = new Map(items(old).map((item) => [said(item), content(item).matches(".folded")]));
  // A mark stays until the page is loaded again.
  for (const item of items(columns)) content(item).classList.toggle("folded", before.get(said(item)) ?? true);
  old.replaceWith(columns);
  // A reader who is about to delete the project deletes what was shown before, or nothing.
  const deletion = document.querySelector("#delete");
  if (deletion && !deletion.closest("details").open) replace(deletion, now, "version");
};

/** Folds what the page was sent, the content of `_now.html`. */
export function fold(template) {
  const { state } = template.dataset;
  const now = template.content;
  for (const part of ["h1", "[data-line]"]) document.querySelector(`.title ${part}`)?.replaceChildren(...now.querySelector(part).childNodes);
  if (!form) return foldReading(now);
  const behind = [...now.querySelectorAll("[name^=seen-]")].map((seen) => foldField(now, seen));
  behind.push(foldRows(now));
  if (behind.includes(true)) return;
  replace(form, now, "version");
  rename(state);
}
