// A page that stays open: it asks what others have saved meanwhile, and says so. What is typed stays.
import { localize } from "./times.js";

// How often a visible page asks, in milliseconds.
const EVERY = 5_000;

const shown = document.querySelector("[data-news]");
const told = document.querySelector("[data-told]");
if (shown && told) {
  let before = "";
  const ask = async () => {
    if (document.visibilityState !== "visible") return;
    try {
      const answer = await fetch(shown.dataset.news);
      const text = answer.status === 200 && !answer.redirected ? await answer.text() : "";
      // Only what is new is read out, and an opened difference stays open.
      if (!text || text === before) return;
      before = text;
      told.innerHTML = text; // a page of this app, with every text escaped
      localize(told);
    } catch {
      // Without a network there are no news. The next question may have an answer.
    }
  };
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
  document.addEventListener("changed-elsewhere", ask);
  ask();
}
