// Tells screen readers what changed, in whole sentences: an answer read out word by word cannot be followed.
//
//   <p class="sr-only" id="announcer" role="status"></p>

const announcer = document.getElementById("announcer");

export function announce(text) {
  announcer.textContent = "";
  requestAnimationFrame(() => (announcer.textContent = text)); // the same sentence twice is said twice
}
