// What the staff has decided about this person: a bar that is shown once, and a dot that stays until it was read.
//
//   <div id="news" data-num-unseen="1"><div data-part="box" hidden>… <button data-close></div></div>
//   <span class="news-dot" hidden></span>

import { load, remove, save } from "./store.js";

const bar = document.getElementById("news");

export function startNews() {
  bar?.querySelector("[data-close]").addEventListener("click", () => showBar(false));
  if (bar) showNews(Number(bar.dataset.numUnseen));
}

/** So many decisions of the staff have not been read. */
export function showNews(numUnseen) {
  bar.dataset.numUnseen = numUnseen;
  for (const dot of document.querySelectorAll(".news-dot")) dot.hidden = numUnseen === 0;
  const isNews = numUnseen > load("news", 0);
  if (numUnseen === 0) remove("news");
  else if (isNews) save("news", numUnseen);
  if (isNews) showBar(true);
}

function showBar(isShown) {
  bar.querySelector("[data-part=box]").hidden = !isShown;
}
