// Shows times and today's date in the reader's time zone, which the server does not know.

export function localize(within = document) {
  const now = new Date();
  for (const time of within.querySelectorAll("time[datetime]")) {
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
// When the reader returns to the page, it may be another day.
for (const event of ["pageshow", "visibilitychange"]) addEventListener(event, () => localize());
