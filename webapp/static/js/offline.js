// The page that stands in for every other one while there is no connection: it shows what is kept in this browser.
//
//   <section id="kept" hidden><ul></ul></section>

import { load, valuesOf } from "./store.js";

const ASK_MS = 4000;

const section = document.getElementById("kept");
const written = [...load("outbox", []), ...valuesOf("drafts.").flat()];
const texts = written.map(({ text }) => text).filter(Boolean);

for (const text of texts) {
  const item = document.createElement("li");
  item.dir = "auto";
  item.textContent = text;
  section.querySelector("ul").append(item);
}
section.hidden = texts.length === 0;

// The browser may say so too early, or not at all where it is the server that was away.
const waiting = new AbortController();
addEventListener("online", goOn, { signal: waiting.signal });
const timer = setInterval(goOn, ASK_MS);
addEventListener("pagehide", () => {
  waiting.abort();
  clearInterval(timer);
});

addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

async function goOn() {
  const response = await fetch("/healthz", { method: "HEAD", cache: "no-store", signal: waiting.signal }).catch(() => null);
  if (response && !waiting.signal.aborted) location.reload();
}
