// What the reader of a form has touched.

/** Returns the text of a control without the line ends that a one-line field drops. */
const plain = (control, text) => (control.localName === "input" ? text.replace(/[\r\n]/g, "") : text);

/** Returns the text that a control was given, and that the reader saw. */
export const base = (control) => plain(control, control.dataset.base ?? control.defaultValue);

/** Reports whether the reader has changed a control. No box is ticked at first, except one of a refused form. */
export const touched = (control) => (control.type === "checkbox" ? control.checked : control.value !== base(control));

/** Gives an untouched control the text of another one. */
export const adopt = (control, other) => {
  const text = base(other);
  delete control.dataset.base;
  if (control.localName === "input") control.type = other.type;
  control.defaultValue = other.defaultValue;
  if (control.value !== text) control.value = text;
};

/** Puts a note into a place, instead of an older one. Without content there is no note. */
export const note = (place, id, content, control) => {
  const old = place.querySelector(":scope > .note");
  const about = new Set((control?.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  if (old) about.delete(old.id);
  old?.remove();
  if (content) {
    const shown = document.createElement("div");
    shown.className = "note";
    shown.id = id;
    shown.append(content);
    place.append(shown);
    about.add(id);
  }
  if (about.size) control?.setAttribute("aria-describedby", [...about].join(" "));
  else control?.removeAttribute("aria-describedby");
};
