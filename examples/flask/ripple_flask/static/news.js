// A page that stays open: it asks what others have saved meanwhile, says so, and shows it. What is typed stays.
import { fold } from "./fold.js";
import { localize } from "./times.js";

// How often a visible page asks, in milliseconds.
const EVERY = 5_000;

const shown = document.querySelector("[data-news]");
const told = document.querySelector("[data-told]");
if (shown && told) {
  const lost = document.querySelector("[data-lost]");
  let heard = "";
  // Answers may arrive in another order. A number below zero has none.
  const number = (version) => Number.parseInt(version, 10);
  const isOlder = (version) => number(version) > 0 && number(version) < number(heard);
  const ask = async () => {
    if (document.visibilityState !== "visible") return;
    try {
      const answer = await fetch(shown.dataset.news);
      if (answer.status !== 200 || answer.redirected) return;
      const text = await answer.text();
      // Only what is new is read out, and an opened difference stays open.
      const version = answer.headers.get("X-Version");
      if (version === heard || isOlder(version)) return;
      heard = version;
      const part = document.createElement("template");
      part.innerHTML = text; // a page of this app, with every text escaped
      localize(part.content);
      // What was replaced of the reader's own stands where it stands when the page is opened.
      const losses = part.content.querySelector("#lost");
      if (losses && lost) lost.replaceChildren(losses);
      const now = part.content.querySelector("[data-now]");
      if (now) {
        now.remove();
        localize(now.content);
        fold(now);
      }
      told.replaceChildren(part.content);
    } catch {
      // Without a network there are no news. The next question may have an answer.
    }
  };
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
  document.addEventListener("changed-elsewhere", ask);
  ask();
}
