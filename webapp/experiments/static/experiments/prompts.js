/*
 * Says how long a text is while it is written.
 *
 *   <textarea data-counts="text-size"></textarea>
 *   <p id="text-size" data-lines="lines" data-characters="characters" data-tokens="tokens, about"></p>
 */
const BYTES_PER_TOKEN = 3; // as assistant.prompt.estimate_tokens counts

function say(area, place) {
  const text = area.value;
  const tokens = Math.floor(new TextEncoder().encode(text).length / BYTES_PER_TOKEN) + 1;
  const { lines, characters, tokens: about } = place.dataset;
  place.textContent = `${lines}: ${text.split("\n").length} · ${characters}: ${[...text].length} · ${about}: ${tokens}`;
}

function watch() {
  for (const area of document.querySelectorAll("[data-counts]")) {
    const place = document.getElementById(area.dataset.counts);
    if (!place) continue;
    area.addEventListener("input", () => say(area, place));
    say(area, place);
  }
}

document.addEventListener("DOMContentLoaded", watch);
