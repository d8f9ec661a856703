// Moving about in a long chat: earlier turns come when one gets near the top, keys lead from question to question, and
// a link leads to the sentence that was searched for.
//
//   <div class="earlier"><button data-earlier></div>   <div id="turn-nav"><button data-go="previous"> <button data-go="next"></div>

const NEAR_PX = 600;
const MARKED_MS = 2_500;

export class Reading {
  #turns;
  #thread;
  #scroll;
  #address;
  #nav = document.getElementById("turn-nav");
  #isLoading = false;
  #watch = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#loadEarlier(), {
    rootMargin: `${NEAR_PX}px 0px 0px`,
  });

  /** `address(turnId)` is where the turns before this one are. */
  constructor({ turns, thread, scroll, address }) {
    this.#turns = turns;
    this.#thread = thread;
    this.#scroll = scroll;
    this.#address = address;
    turns.addEventListener("click", (event) => event.target.closest("[data-earlier]") && this.#loadEarlier());
    this.#nav.addEventListener("click", (event) => {
      const button = event.target.closest("[data-go]");
      if (button) this.go(button.dataset.go);
    });
    document.addEventListener("keydown", (event) => {
      const ways = { ArrowUp: "previous", ArrowDown: "next" };
      if (!event.altKey || event.ctrlKey || event.metaKey || !ways[event.key]) return;
      event.preventDefault();
      this.go(ways[event.key]);
    });
  }

  /** The turns were changed: look for the button to earlier ones, and show the way between questions. */
  changed() {
    this.#watch.disconnect();
    const earlier = this.#turns.querySelector(".earlier");
    if (earlier) this.#watch.observe(earlier);
    this.#nav.hidden = this.#turns.querySelectorAll(".turn").length < 2;
  }

  /** To the question before or after the one at the top of the window. */
  go(way) {
    const top = parseFloat(getComputedStyle(this.#turns).scrollPaddingTop) || 72;
    const turns = [...this.#turns.querySelectorAll(".turn")];
    const place = (turn) => turn.getBoundingClientRect().top - top;
    const target = way === "previous" ? turns.findLast((turn) => place(turn) < -8) : turns.find((turn) => place(turn) > 8);
    if (target) this.#show(target, "start");
    else if (way === "next") this.#scroll.toEnd();
  }

  /** Bring the reply `id` into sight and mark it for a moment; and in it the first sentence with these words. */
  lead(id, words) {
    const turn = this.#turns.querySelector(`[data-reply="${CSS.escape(id)}"]`)?.closest(".turn");
    if (!turn) return;
    const range = words ? sentenceWith(turn, words) : null;
    turn.dataset.marked = "";
    setTimeout(() => delete turn.dataset.marked, MARKED_MS);
    this.#scroll.letGo();
    if (range) {
      highlight(range);
      const element = range.startContainer.parentElement;
      element.scrollIntoView({ block: "center", behavior: "instant" });
    } else {
      this.#show(turn, "start");
    }
  }

  #show(turn, block) {
    this.#scroll.letGo();
    turn.scrollIntoView({ block, behavior: "instant" });
  }

  async #loadEarlier() {
    const first = this.#turns.querySelector(".turn");
    if (this.#isLoading || !first) return;
    this.#isLoading = true;
    const response = await fetch(this.#address(first.dataset.turn)).catch(() => null);
    if (response?.ok) {
      const html = await response.text();
      const before = first.getBoundingClientRect().top;
      this.#thread.prepend(html);
      scrollBy({ top: first.getBoundingClientRect().top - before, behavior: "instant" });
    }
    this.#isLoading = false;
    this.changed();
  }
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
