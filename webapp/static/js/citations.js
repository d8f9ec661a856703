// Marks in an answer where its sources stand, and which sentences no source supports; opens a source at the place.
//
//   <div class="reply" data-reply="…" data-support='[{"index": 0, "block": 0, "start": 0, "end": 20, "source": 1, …}]'>
//     <div data-part="body"><div class="block"><p>The fee is 30 euros.<button class="cite" data-do="source">1</button>
//       <span class="unfound">It is due in June.</span><button class="cite cite-unfound" data-do="source">1</button>
//
// Blocks are the server's: the marks are put on top of them, and taken away before they are put anew.

import { announce } from "./announce.js";
import { gettext, interpolate } from "./i18n.js";

// As in assistant/citations/lines.py: places are counted in the text outside of these.
const NOT_TEXT = "figure, pre, math, table, h1, h2, h3, h4, h5, h6, button";

/** Make the marks in `reply` those that its `data-support` asks for. */
export function markSentences(reply) {
  const body = reply.querySelector("[data-part=body]");
  unmark(body);
  if (!reply.dataset.support || reply.dataset.state !== "done") return;
  // The last first: what is put into the text moves nothing that comes before.
  for (const sentence of JSON.parse(reply.dataset.support).toReversed()) {
    const block = body.children[sentence.block];
    if (block) mark(block, sentence);
  }
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
  if (sentences.some((sentence) => !sentence.is_supported)) {
    announce(gettext("Some of the answer was not found in its sources. The places are marked."));
  }
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
    announce(gettext("This did not get through. Please try again."));
    return;
  }
  panel.innerHTML = html; // made by the server, under a policy that runs no inline script
  panel.showPopover({ source: button });
  panel.scrollTop = 0;
  panel.querySelector("mark")?.scrollIntoView({ block: "center", behavior: "instant" });
}
