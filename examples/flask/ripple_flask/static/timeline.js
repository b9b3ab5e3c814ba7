// The timeline of a form: entries are added and moved without asking the server, and reached by few keys.

// From so many entries on, Tab leaves the list, and keys lead from entry to entry.
const MANY = 10;

const rows = document.getElementById("rows");
const form = rows?.closest("form");
if (rows) {
  const said = document.querySelector("[data-moved]");
  const all = () => [...rows.children];
  const controls = (row) => [...row.querySelectorAll("input:not([type=hidden]), textarea, button")];
  const main = (row) => row.querySelector("textarea") ?? controls(row)[0];

  // Makes one entry the one that Tab reaches.
  const rove = (current) => {
    const many = all().length >= MANY;
    document.querySelector("[data-keys]").hidden = !many;
    for (const row of all()) {
      for (const control of controls(row)) control.tabIndex = many && row !== current ? -1 : 0;
    }
  };
  const go = (row) => {
    if (!row) return;
    rove(row);
    main(row).focus();
    row.scrollIntoView({ block: "nearest" });
  };
  const number = () => all().forEach((row, at) => {
    for (const label of row.querySelectorAll("label.unseen")) label.textContent = label.textContent.replace(/entry \d+|a new entry/, `entry ${at + 1}`);
    for (const text of row.querySelectorAll(".tools .unseen")) text.textContent = text.textContent.replace(/entry \d+/, `entry ${at + 1}`);
  });
  const move = (row, step, focus) => {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(row);
    else other.after(row);
    // A browser that restores typed text by the place of a control would put it into another entry.
    form.autocomplete = "off";
    number();
    rove(row);
    focus.focus();
    row.scrollIntoView({ block: "nearest" });
    said.textContent = `Moved to place ${all().indexOf(row) + 1} of ${all().length}.`;
    form.dispatchEvent(new Event("moved"));
  };

  // Another entry is a copy of an empty one, with names of its own.
  const add = document.getElementById("add-row");
  const blank = all().find((row) => row.classList.contains("new")).cloneNode(true);
  add.addEventListener("click", (event) => {
    event.preventDefault();
    const row = blank.cloneNode(true);
    const next = Math.max(...all().map((row) => Number(row.dataset.place))) + 1;
    const rename = (name) => name.replace(/^row-\d+-(\w+)@.*/, `row-${next}-$1@${rows.dataset.state}`);
    row.dataset.place = next;
    for (const control of row.querySelectorAll("[name]")) {
      if (control.name === "arrange") control.value = control.value.replace(/\d+/, next);
      else control.name = control.id = rename(control.name);
    }
    for (const label of row.querySelectorAll("label[for]")) label.htmlFor = rename(label.htmlFor);
    for (const control of row.querySelectorAll("input, textarea")) control.value = control.defaultValue = "";
    rows.append(row);
    number();
    rove(row);
    controls(row)[0].focus();
  });

  rows.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=arrange]");
    if (!button) return;
    event.preventDefault();
    move(button.closest("li"), button.value.startsWith("up") ? -1 : 1, button);
  });
  rows.addEventListener("keydown", (event) => {
    const row = event.target.closest("li");
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.altKey && !event.ctrlKey && step) {
      event.preventDefault();
      move(row, step, event.target);
    } else if (event.ctrlKey && !event.altKey && (step || event.key === "Home" || event.key === "End")) {
      event.preventDefault();
      const list = all();
      const target = step ? list[list.indexOf(row) + step] : event.key === "Home" ? list[0] : list.at(-1);
      go(target);
    }
  });
  rows.addEventListener("focusin", (event) => rove(event.target.closest("li")));
  rows.addEventListener("replaced", () => {
    number();
    rove(document.activeElement.closest("#rows > li") ?? rows.firstElementChild);
  });
  rove(rows.firstElementChild);
}
