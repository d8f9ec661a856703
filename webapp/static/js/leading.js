// A link leads to a reply of a long chat: it is marked for a moment, and in it the sentence that was searched for.

const MARKED_MS = 2_500;
const BLOCK = "p, li, h1, h2, h3, h4, h5, h6, td, th, dt, dd, pre, blockquote, div";
const LETTER = /[\p{L}\p{N}]/gu;
const CHARACTER = /[^]/gu;
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

/** The first sentence under `turn` that has all the words, or else one of them. Its words may be set in many ways. */
function sentenceWith(turn, words) {
  const wanted = folded(words).split(/\s+/).filter(Boolean);
  let best = { found: 0 };
  for (const nodes of blocksOf(saidIn(turn))) {
    const { text, places } = spelled(nodes, CHARACTER);
    for (const { 0: sentence, index } of text.matchAll(SENTENCE)) {
      const found = wanted.filter((word) => sentence.includes(word)).length;
      if (found > best.found) best = { places, from: index, to: index + sentence.length, found };
    }
  }
  return best.found ? [rangeOver(best.places, best.from, best.to)] : [];
}

/**
 * The sentences of `passage` under `turn`. It is as it was written and the page shows it set, so only the letters are
 * compared: whatever marks are between them.
 */
function sentencesOf(turn, passage) {
  const { text: letters, places } = spelled(saidIn(turn), LETTER);
  const ranges = [];
  const whole = letters.indexOf(lettersOf(passage));
  let from = Math.max(0, whole);
  for (const [sentence] of passage.matchAll(SENTENCE)) {
    const wanted = lettersOf(sentence);
    const at = wanted.length >= (whole < 0 ? TELLING_LETTERS : 1) ? letters.indexOf(wanted, from) : -1;
    if (at < 0) continue;
    from = at + wanted.length;
    ranges.push(rangeOver(places, at, from));
  }
  return ranges;
}

/** The text nodes that follow each other in one paragraph, item or cell. */
function* blocksOf(nodes) {
  let [shown, block] = [[], null];
  for (const node of nodes) {
    const around = node.parentElement.closest(BLOCK);
    if (around !== block && shown.length) yield shown.splice(0);
    block = around;
    shown.push(node);
  }
  if (shown.length) yield shown;
}

/** What of these nodes matches `pattern`, folded; and the place of each unit of it: its node, from where, to where. */
function spelled(nodes, pattern) {
  const places = [];
  let text = "";
  for (const node of nodes) {
    for (const { 0: character, index } of node.data.matchAll(pattern)) {
      const units = folded(character);
      text += units;
      for (let unit = 0; unit < units.length; unit += 1) places.push([node, index, index + character.length]);
    }
  }
  return { text, places };
}

/** As the search compares: without accents, in small letters. */
function folded(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function lettersOf(text) {
  return folded((text.match(LETTER) ?? []).join(""));
}

function rangeOver(places, from, to) {
  const [first, start] = places[from];
  const [last, , end] = places[to - 1];
  return rangeOf([first, start], [last, end]);
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
