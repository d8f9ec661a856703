// Lets new words fade in, one shortly after the other, so that bursts from the network read as a steady hand.

const SPREAD_MS = 180;
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

/** Wrap the words after the first `numOld` characters of `element`. */
export function fadeIn(element, numOld) {
  if (isStill.matches) return;
  const words = wrapWords(newText(element, numOld));
  words.forEach((word, index) => {
    word.style.animationDelay = `${Math.round((SPREAD_MS * index) / words.length)}ms`;
  });
}

/** Take the wrappings off again, so that the text is as the server sent it. */
export function settle(element) {
  const words = element.querySelectorAll(".fresh");
  for (const word of words) word.replaceWith(...word.childNodes);
  if (words.length) element.normalize();
}

function newText(element, numOld) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes = [];
  let position = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const start = Math.max(0, numOld - position);
    position += node.length;
    if (start < node.length && !node.parentElement.closest("figure, table")) nodes.push([node, start]);
  }
  return nodes.map(([node, start]) => (start ? node.splitText(start) : node));
}

function wrapWords(nodes) {
  return nodes.flatMap((node) => {
    const words = (node.data.match(/\s*\S+\s*/g) ?? []).map((text) => {
      const word = document.createElement("span");
      word.className = "fresh";
      word.textContent = text;
      return word;
    });
    if (words.length) node.replaceWith(...words);
    return words;
  });
}
