// A page that stays open: what others save goes into it. In a form it goes into the fields that the reader has not
// touched. A touched field stays, keeps its base, and gets a note.

const form = document.querySelector("form[data-guard]");

/** The text of a control without the line ends that a one-line field drops. */
const plain = (control, text) => (control.localName === "input" ? text.replace(/[\r\n]/g, "") : text);
/** The text that a control was given, and that the reader saw. */
const base = (control) => plain(control, control.dataset.base ?? control.defaultValue);
const touched = (control) => (control.type === "checkbox" ? control.checked !== control.defaultChecked : control.value !== base(control));
const named = (within, name) => within.querySelector(`[name^="${CSS.escape(name)}@"]`);

/** Puts a hidden control that the page was sent in place of an old one. A browser would restore a changed value. */
const replace = (old, now, name) => old.querySelector(`[name=${name}]`).replaceWith(now.querySelector(`[name=${name}]`));

/** Puts a note beside a field, in place of an older one. */
const note = (place, now, name, kind, control) => {
  const words = now.querySelector(`[data-note="${CSS.escape(name)}"] [data-${kind}]`);
  place.classList.toggle("folded", kind === "folded");
  place.querySelector(".note")?.remove();
  if (!words) return;
  const shown = document.createElement("div");
  shown.className = "note";
  shown.id = `${name}-note`;
  shown.append(words);
  place.append(shown);
  const about = new Set((control?.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean)).add(shown.id);
  control?.setAttribute("aria-describedby", [...about].join(" "));
};

/** Makes what the page was sent the base of a field: see forms.py. */
const adopt = (seen) => {
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
    note(mine.closest(".field"), now, name, "kept", mine);
    return true;
  }
  const changed = base(mine) !== text;
  delete mine.dataset.base;
  if (mine.localName === "input") mine.type = theirs.type;
  mine.defaultValue = theirs.defaultValue;
  if (mine.value !== text) mine.value = text;
  adopt(seen);
  if (changed) note(mine.closest(".field"), now, name, "folded", mine);
  return false;
};

const entries = (rows) => {
  const found = [...rows.children].filter((row) => row.querySelector("[name$=-entry]"));
  found.sort((one, other) => one.dataset.place - other.dataset.place);
  return JSON.stringify(found.map((row) => row.querySelector("[name$=-entry]").value));
};
const touchedRows = (rows) => {
  const all = [...rows.children];
  const places = all.map((row) => Number(row.dataset.place));
  const moved = places.some((place, at) => at > 0 && place < places[at - 1]);
  const controls = [...rows.querySelectorAll("input:not([type=hidden]), textarea")];
  return "touched" in rows.dataset || rows.contains(document.activeElement) || moved || controls.some(touched);
};

/** Folds the timeline as a whole. Reports whether it stays behind. */
const foldRows = (now) => {
  const [mine, theirs] = [form.querySelector("#rows"), now.querySelector("#rows")];
  if (!mine || (theirs && entries(mine) === entries(theirs))) return false;
  const place = mine.closest("fieldset");
  if (!theirs || touchedRows(mine)) {
    note(place, now, "timeline", "kept");
    return true;
  }
  mine.dataset.state = theirs.dataset.state;
  mine.replaceChildren(...theirs.children);
  replace(form, now, "timeline");
  mine.dispatchEvent(new Event("replaced"));
  note(place, now, "timeline", "folded");
  return false;
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
