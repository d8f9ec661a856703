// A link leads to a reply of a long chat: it is marked for a moment, and in it the sentence that was searched for.

const MARKED_MS = 2_500;
const LETTER = /[\p{L}\p{N}]/gu;
const TELLING_LETTERS = 8; // fewer stand anywhere
const SENTENCE = /[^.!?。！？\n]+[.!?。！？]*/gu;

/** Bring the turn of the reply `id` into sight; and in it the first sentence with these words, or this passage. */
export function lead(turns, reading, id, { words, passage }) {
  const turn = turns.querySelector(`[data-reply="${CSS.escape(id)}"]`)?.closest(".turn");
  if (!turn) return;
  const ranges = passage ? sentencesOf(turn, passage) : words ? sentenceWith(turn, words) : [];
  turn.dataset.marked = "";
  setTimeout(() => delete turn.dataset.marked, MARKED_MS);
  reading.show(turn);
  if (!ranges.length) return;
  highlight(ranges);
  ranges[0].startContainer.parentElement.scrollIntoView({ block: "center", behavior: "instant" });
}

/** The texts under `turn` that were said, without what the page has put around them. */
function* saidIn(turn) {
  const walker = document.createTreeWalker(turn, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement.closest("[data-part=question], [data-part=body]") && !node.parentElement.closest("figcaption")
      ? NodeFilter.FILTER_ACCEPT
      : NodeFilter.FILTER_SKIP,
  );
  while (walker.nextNode()) yield walker.currentNode;
}

/** The first sentence under `turn` that has all the words, or else one of them. */
function sentenceWith(turn, words) {
  const wanted = words.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  let best = { found: 0 };
  for (const node of saidIn(turn)) {
    for (const match of node.data.matchAll(SENTENCE)) {
      const text = match[0].toLocaleLowerCase();
      const found = wanted.filter((word) => text.includes(word)).length;
      if (found > best.found) best = { node, start: match.index, end: match.index + match[0].length, found };
    }
  }
  return best.found ? [rangeOf([best.node, best.start], [best.node, best.end])] : [];
}

/**
 * The sentences of `passage` under `turn`. It is as it was written and the page shows it set, so only the letters are
 * compared: whatever marks are between them.
 */
function sentencesOf(turn, passage) {
  const places = []; // of each letter: its node, where it begins there and where it ends
  let letters = "";
  for (const node of saidIn(turn)) {
    for (const { 0: letter, index } of node.data.matchAll(LETTER)) {
      const lower = letter.toLowerCase();
      letters += lower;
      for (let unit = 0; unit < lower.length; unit += 1) places.push([node, index, index + letter.length]);
    }
  }
  const ranges = [];
  const whole = letters.indexOf(lettersOf(passage));
  let from = Math.max(0, whole);
  for (const [sentence] of passage.matchAll(SENTENCE)) {
    const wanted = lettersOf(sentence);
    const at = wanted.length >= (whole < 0 ? TELLING_LETTERS : 1) ? letters.indexOf(wanted, from) : -1;
    if (at < 0) continue;
    from = at + wanted.length;
    const [first, start] = places[at];
    const [last, , end] = places[from - 1];
    ranges.push(rangeOf([first, start], [last, end]));
  }
  return ranges;
}

function lettersOf(text) {
  return (text.match(LETTER) ?? []).join("").toLowerCase();
}

function rangeOf(start, end) {
  const range = document.createRange();
  range.setStart(...start);
  range.setEnd(...end);
  return range;
}

function highlight(ranges) {
  const [{ startContainer, endContainer }] = ranges;
  if (globalThis.Highlight && CSS.highlights) CSS.highlights.set("found", new Highlight(...ranges));
  else if (startContainer === endContainer) ranges[0].surroundContents(document.createElement("mark"));
}
