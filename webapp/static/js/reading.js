// Moving about in a long chat: earlier turns come when one gets near the top, and keys lead from question to question.
//
//   <div class="earlier"><button data-earlier></div>   <div id="turn-nav"><button data-go="previous"> <button data-go="next"></div>

const NEAR_PX = 600;

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
    document.addEventListener("shortcut", (event) => {
      if (!["previous", "next"].includes(event.detail)) return;
      event.preventDefault();
      this.go(event.detail);
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
    if (target) this.show(target);
    else if (way === "next") this.#scroll.toEnd();
  }

  /** Bring this turn to the top of the window, where one reads. */
  show(turn) {
    this.#scroll.letGo();
    turn.scrollIntoView({ block: "start", behavior: "instant" });
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
