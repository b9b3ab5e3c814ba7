// The list: "/" goes to the search, and ripple is asked while the reader types.
import { localize } from "./times.js";

// How long the reader pauses before ripple is asked, in milliseconds.
const PAUSE = 250;

const search = document.getElementById("q");
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (search) search.select();
  else location.href = document.querySelector(".brand").href;
});

const form = document.querySelector("form[data-search]");
const results = document.getElementById("results");
if (form && results) {
  const said = document.querySelector("[data-said]");
  let asked = null;
  let timer = 0;

  // Shows the rows of an address. An answer that a later request has overtaken is dropped.
  const show = async (address, focus) => {
    clearTimeout(timer);
    asked?.abort();
    asked = new AbortController();
    results.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { headers: { "X-Part": "results" }, signal: asked.signal });
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      results.innerHTML = await answer.text(); // a page of this app, with every text escaped
      localize(results);
      said.textContent = results.querySelector("[data-total]").textContent.replace("Show all", "").trim();
      history.replaceState(null, "", address);
      if (focus) results.querySelector(focus)?.focus();
    } catch (error) {
      if (error.name !== "AbortError") location.href = address; // the page itself says what is wrong
      return;
    }
    results.removeAttribute("aria-busy");
  };
  const address = () => {
    const chosen = [...new FormData(form)].filter(([name, value]) => value || name === "sort");
    return `${form.action}?${new URLSearchParams(chosen)}`;
  };

  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show(address()), PAUSE);
  });
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", () => show(address()));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(address());
  });
  results.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-part]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    // A page begins at its first project. A column keeps the focus.
    const column = link.closest("th");
    const focus = column ? `thead th:nth-child(${column.cellIndex + 1}) a` : "tbody a";
    show(link.href, focus);
    const order = form.elements.sort;
    const sort = new URL(link.href).searchParams.get("sort");
    if ([...order.options].some((option) => option.value === sort)) order.value = sort;
  });
  // Gone back to: the browser has restored the typed text, and the rows are those of the address.
  if (search.value !== search.defaultValue) show(address());
}
