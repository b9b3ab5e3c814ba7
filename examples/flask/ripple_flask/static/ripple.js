// What makes the pages pleasanter. Without it everything works too.
"use strict";

const form = document.querySelector("form[data-guard]");

// Shows times and today's date in the reader's time zone, which the server does not know. Runs again when the reader
// returns to the page: it may be another day.
function localize() {
  const now = new Date();
  for (const time of document.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const clock = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const day = moment.toLocaleDateString([], { day: "numeric", month: "long", year: "numeric" });
    const text = moment.toDateString() === now.toDateString() ? `at ${clock}` : `on ${day} at ${clock}`;
    if (time.textContent !== text) time.textContent = text; // a screen reader reads out each change
    time.title = moment.toLocaleString();
  }
  // Sets the default value only: a date that the reader typed stays.
  const today = new Date(now - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  for (const input of document.querySelectorAll("[data-today]")) input.defaultValue = today;
}
localize();
for (const event of ["pageshow", "visibilitychange"]) addEventListener(event, localize);

// What is there when a page loads is not read out by itself; what changes is.
const receipt = document.getElementById("receipt");
if (receipt && receipt.children.length > 0) {
  const said = [...receipt.children];
  requestAnimationFrame(() => receipt.replaceChildren(...said));
}

// A page that Back brings back as it was would send its forms a second time: they would be answered as at first, and do
// nothing. (A browser may keep what no cache may.) What was typed into one stays.
addEventListener("pageshow", (event) => {
  if (event.persisted && !form) location.reload();
});

if (form) {
  // Another line of the timeline, without asking the server.
  const rows = document.getElementById("rows");
  const add = document.getElementById("add-row");
  add?.addEventListener("click", (event) => {
    event.preventDefault();
    const row = document.getElementById("blank-row").content.cloneNode(true);
    const place = rows.children.length;
    for (const name of ["date", "text"]) {
      const input = row.querySelector(name === "date" ? ".when" : ".what");
      input.id = input.name = `row-${place}-${name}@${rows.dataset.state}`;
      input.previousElementSibling.htmlFor = input.id;
    }
    rows.append(row);
    rows.lastElementChild.querySelector(".when").focus();
  });

  // What is typed and not saved is not left by mistake.
  let dirty = "dirty" in form.dataset;
  const mark = () => { dirty = true; form.classList.add("dirty"); };
  form.addEventListener("input", mark);
  form.addEventListener("submit", () => { dirty = false; });
  addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  if (dirty) mark();

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      form.requestSubmit(form.querySelector("[data-save]"));
    }
  });
}

const wrong = document.querySelector("[aria-invalid]");
if (wrong) wrong.focus();

// The list: "/" goes to the search, typing narrows what is on the screen.
const search = document.getElementById("q");
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (search) search.select();
  else location.href = document.querySelector(".brand").href;
});
const table = document.getElementById("projects");
if (search && table) {
  const hint = document.querySelector("[data-narrowed]");
  const untouched = [...hint.childNodes];
  const lines = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLocaleLowerCase()]);
  const narrow = () => {
    const words = search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of lines) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    if (search.value === search.defaultValue) {
      for (const [row] of lines) row.hidden = false;
      hint.replaceChildren(...untouched);
    } else {
      hint.textContent = `${shown} of the ${lines.length} on this page. Enter searches all projects.`;
    }
  };
  search.addEventListener("input", narrow);
  if (search.value !== search.defaultValue) narrow(); // gone back to
}
