// The sentences of an answer, for a voice: without code, formulas and the buttons of the page.

const NOT_SPOKEN = "figure.code, pre, math, button, .sr-only, .code-found";
const ENDS_A_LINE = "p, li, h1, h2, h3, h4, h5, h6, td, th, dt, dd, br, blockquote";
const MAX_CHARS = 180; // some voices fall silent in the middle of a longer piece

export function sentencesOf(body, language) {
  const copy = body.cloneNode(true);
  for (const part of copy.querySelectorAll(NOT_SPOKEN)) part.remove();
  for (const end of copy.querySelectorAll(ENDS_A_LINE)) end.after("\n");
  const lines = copy.textContent.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
  return lines.filter(Boolean).flatMap((line) => split(line, language)).flatMap(shorten);
}

function split(line, language) {
  const segments = [...new Intl.Segmenter(language, { granularity: "sentence" }).segment(line)];
  return segments.map(({ segment }) => segment.trim()).filter((sentence) => /[\p{L}\p{N}]/u.test(sentence));
}

/** Cut a long sentence between words. */
function shorten(sentence) {
  const pieces = [];
  let rest = sentence;
  while (rest.length > MAX_CHARS) {
    const end = rest.lastIndexOf(" ", MAX_CHARS);
    const cut = end > 0 ? end : MAX_CHARS;
    pieces.push(rest.slice(0, cut));
    rest = rest.slice(cut).trim();
  }
  return [...pieces, rest];
}
