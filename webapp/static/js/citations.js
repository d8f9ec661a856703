// Marks in an answer where its sources stand; says under it how many sentences were found there, and on demand marks the
// others; opens a source at the place.
//
//   <div class="reply" data-reply="…" data-support='[{"index": 0, "block": 0, "start": 0, "end": 20, "source": 1, …}]'>
//     <div data-part="body"><div class="block"><p>The fee is 30 euros.<button class="cite" data-do="source">1</button>
//       <span class="unfound">It is due in June.</span><button class="cite cite-unfound" data-do="source">1</button>
//     <p data-part="support">1 of 2 sentences found in the sources <button data-do="unfound" aria-pressed="false">
//
// Blocks are the server's: the marks are put on top of them, and taken away before they are put anew. Those of what was
// not found are in sight while the reply has `data-unfound`.

import { announce, complain } from "./announce.js";
import { gettext, interpolate, ngettext } from "./i18n.js";

// As in assistant/citations/lines.py: places are counted in the text outside of these.
const NOT_TEXT = "figure, pre, math, table, h1, h2, h3, h4, h5, h6, button";

/** Make the marks in `reply` those that its `data-support` asks for. */
export function markSentences(reply) {
  const body = reply.querySelector("[data-part=body]");
  unmark(body);
  const sentences = reply.dataset.support && reply.dataset.state === "done" ? JSON.parse(reply.dataset.support) : [];
  // The last first: what is put into the text moves nothing that comes before.
  for (const sentence of sentences.toReversed()) {
    const block = body.children[sentence.block];
    if (block) mark(block, sentence);
  }
  sumUp(reply, sentences);
}

function sumUp(reply, sentences) {
  const line = reply.querySelector("[data-part=support]");
  if (sentences.length === 0) {
    delete reply.dataset.unfound;
    line.replaceChildren();
    return;
  }
  line.replaceChildren(sumOf(sentences));
  if (sentences.every((sentence) => sentence.is_supported)) return;
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.do = "unfound";
  button.ariaPressed = "unfound" in reply.dataset;
  button.textContent = gettext("Mark the others");
  line.append(" ", button);
}

function sumOf(sentences) {
  const found = sentences.filter((sentence) => sentence.is_supported).length;
  const words = ngettext("%(found)s of %(num)s sentence found in the sources", "%(found)s of %(num)s sentences found in the sources", sentences.length);
  return interpolate(words, { found, num: sentences.length }, true);
}

export function toggleUnfound({ element }, button) {
  button.ariaPressed = element.toggleAttribute("data-unfound");
}

function unmark(body) {
  for (const button of body.querySelectorAll(".cite")) button.remove();
  for (const span of body.querySelectorAll(".unfound")) span.replaceWith(...span.childNodes);
  body.normalize();
}

function mark(block, { index, start, end, source, is_supported: isSupported }) {
  const nodes = textNodes(block);
  const text = nodes.map((node) => node.data).join("");
  // The server counts characters, a page the halves of some.
  const signs = [...text];
  const from = signs.slice(0, start).join("").length;
  const to = signs.slice(0, end).join("").length;
  if (signs.length < end) return; // another text than the one that was checked
  let last = null;
  let position = 0;
  for (const node of nodes) {
    const [first, past] = [Math.max(from - position, 0), Math.min(to - position, node.length)];
    position += node.length;
    if (first >= past) continue;
    const part = first > 0 ? node.splitText(first) : node;
    if (past - first < part.length) part.splitText(past - first);
    last = isSupported ? part : underlined(part);
  }
  last?.after(citation(index, source, isSupported));
}

function textNodes(block) {
  const nodes = [];
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(NOT_TEXT)) nodes.push(walker.currentNode);
  return nodes;
}

function underlined(node) {
  const span = document.createElement("span");
  span.className = "unfound";
  node.replaceWith(span);
  span.append(node);
  return span;
}

function citation(index, source, isSupported) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = isSupported ? "cite" : "cite cite-unfound";
  Object.assign(button.dataset, { do: "source", sentence: index, source });
  button.textContent = isSupported ? source : `${source}?`;
  const name = isSupported ? gettext("Source %(number)s") : gettext("Not found in the source: %(number)s");
  button.setAttribute("aria-label", interpolate(name, { number: button.textContent }, true));
  if (!isSupported) {
    const explained = gettext("No sentence of this source seems to say it.");
    button.dataset.note = `${gettext("Not found in the source")}. ${explained}`;
    button.setAttribute("aria-description", explained);
  }
  return button;
}

/** The sentences of an answer that has just been checked: what cannot be seen is said. */
export function announceSupport(sentences) {
  if (sentences.length > 0) announce(sumOf(sentences));
}

let numAsked = 0;

/** Open the panel with the source of a citation, at the place that supports its sentence. */
export async function openSource(view, button) {
  const { source, sentence } = button.dataset;
  const panel = document.getElementById("source-panel");
  const asked = ++numAsked;
  const response = await fetch(`/turns/${view.id}/source/?number=${source}&sentence=${sentence}`).catch(() => null);
  const html = response?.ok ? await response.text().catch(() => null) : null;
  if (asked !== numAsked) return; // another source was asked for since
  if (html === null) {
    complain();
    return;
  }
  panel.innerHTML = html; // made by the server, under a policy that runs no inline script
  panel.showPopover({ source: button });
  panel.scrollTop = 0;
  panel.querySelector("mark")?.scrollIntoView({ block: "center", behavior: "instant" });
}
