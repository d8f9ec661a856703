// A link leads to a reply of a long chat: it is marked for a moment, and in it the sentence that was searched for.

const MARKED_MS = 2_500;

/** Bring the turn of the reply `id` into sight; and in it the first sentence with these words. */
export function lead(turns, reading, id, words) {
  const turn = turns.querySelector(`[data-reply="${CSS.escape(id)}"]`)?.closest(".turn");
  if (!turn) return;
  const range = words ? sentenceWith(turn, words) : null;
  turn.dataset.marked = "";
  setTimeout(() => delete turn.dataset.marked, MARKED_MS);
  reading.show(turn);
  if (!range) return;
  highlight(range);
  range.startContainer.parentElement.scrollIntoView({ block: "center", behavior: "instant" });
}

/** The first sentence under `turn` that has all the words, or else one of them. */
function sentenceWith(turn, words) {
  const wanted = words.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const walker = document.createTreeWalker(turn, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement.closest("[data-part=question], [data-part=body]") && !node.parentElement.closest("figcaption")
      ? NodeFilter.FILTER_ACCEPT
      : NodeFilter.FILTER_SKIP,
  );
  const sentences = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (const match of node.data.matchAll(/[^.!?。！？\n]+[.!?。！？]*/gu)) {
      const text = match[0].toLocaleLowerCase();
      const found = wanted.filter((word) => text.includes(word)).length;
      if (found) sentences.push({ node, start: match.index, end: match.index + match[0].length, found });
    }
  }
  const best = sentences.reduce((one, other) => (other.found > (one?.found ?? 0) ? other : one), null);
  if (!best) return null;
  const range = document.createRange();
  range.setStart(best.node, best.start);
  range.setEnd(best.node, best.end);
  return range;
}

function highlight(range) {
  if (globalThis.Highlight && CSS.highlights) CSS.highlights.set("found", new Highlight(range));
  else range.surroundContents(document.createElement("mark"));
}
