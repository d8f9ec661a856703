// The page that stands in for every other one while there is no connection: it shows what is kept in this browser.
//
//   <section id="kept" hidden><ul></ul></section>

import { load, valuesOf } from "./store.js";

const section = document.getElementById("kept");
const texts = [...load("outbox", []).map(({ text }) => text), ...valuesOf("drafts.").flat().map(({ text }) => text)];

for (const text of texts) {
  const item = document.createElement("li");
  item.dir = "auto";
  item.textContent = text;
  section.querySelector("ul").append(item);
}
section.hidden = texts.length === 0;
addEventListener("online", () => location.reload());
