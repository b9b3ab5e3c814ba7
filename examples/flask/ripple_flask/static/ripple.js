// What makes the pages pleasanter. Without it everything works too.
import "./times.js";
import "./list.js";
import "./form.js";
import "./timeline.js";
import "./news.js";
import "./live.js";

// What is there when a page loads is not read out by itself; what changes is.
const receipt = document.getElementById("receipt");
if (receipt && receipt.children.length > 0) {
  const said = [...receipt.children];
  requestAnimationFrame(() => receipt.replaceChildren(...said));
}

// A page that Back brings back as it was would send its forms a second time: they would be answered as at first, and do
// nothing. (A browser may keep what no cache may.) What was typed into one stays.
addEventListener("pageshow", (event) => {
  if (event.persisted && !document.querySelector("form[data-guard]")) location.reload();
});
