// Follows the growing answer while the reader is at the end, and never otherwise.
//
//   <button id="jump" hidden>   appears when the end is out of sight; data-news when something came meanwhile

const NEAR_PX = 48;
const root = document.scrollingElement;
// A smooth scroll fights with the finger, and makes some people ill.
const isAtOnce = matchMedia("(pointer: coarse), (prefers-reduced-motion: reduce)");

export class Scroll {
  #button;
  #follows = true;
  #lastTop = 0;

  constructor(button) {
    this.#button = button;
    button.addEventListener("click", () => this.toEnd({ smooth: true }));
    addEventListener("scroll", () => this.#look(), { passive: true });
    for (const type of ["wheel", "touchmove", "keydown"]) {
      addEventListener(type, (event) => this.#leave(event), { passive: true });
    }
  }

  toEnd({ smooth = false } = {}) {
    this.#follows = true;
    root.scrollTo({ top: root.scrollHeight, behavior: smooth && !isAtOnce.matches ? "smooth" : "instant" });
    this.#look();
  }

  /** Somebody wants to read elsewhere: stay there. */
  letGo() {
    this.#follows = false;
  }

  /** Something was added at the end. */
  grown() {
    this.settle();
    if (!this.#button.hidden) this.#button.dataset.news = "";
  }

  /** The page was laid out anew: whoever was at the end stays there. */
  settle() {
    if (this.#follows) root.scrollTo({ top: root.scrollHeight, behavior: "instant" });
    this.#look();
  }

  #look() {
    const isAtEnd = root.scrollHeight - root.scrollTop - innerHeight < NEAR_PX;
    if (isAtEnd && root.scrollTop >= this.#lastTop) this.#follows = true;
    if (isAtEnd) delete this.#button.dataset.news;
    this.#button.hidden = isAtEnd;
    this.#lastTop = root.scrollTop;
  }

  /** The slightest wish to read further up counts at once, before the page has moved. */
  #leave(event) {
    if (event.type === "wheel" && event.deltaY >= 0) return;
    if (event.type === "keydown" && !["PageUp", "ArrowUp", "Home"].includes(event.key)) return;
    if (event.type === "keydown" && event.target.matches("textarea, input")) return;
    if (root.scrollHeight > innerHeight) this.#follows = false;
  }
}
