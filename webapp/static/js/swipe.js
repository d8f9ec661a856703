// On a phone: a finger that comes in from the edge opens the drawer, one that goes back there closes it.
//
//   startSwipe({ isOpen: () => …, toggle: () => … })

const EDGE_PX = 28;
const FAR_PX = 56;
const isNarrow = matchMedia("(width < 48rem)");

export function startSwipe({ isOpen, toggle }) {
  let start = null;
  const towardsInside = document.documentElement.dir === "rtl" ? -1 : 1;

  const begin = (event) => {
    const [touch, another] = event.touches;
    const fromEdge = towardsInside === 1 ? touch.clientX : innerWidth - touch.clientX;
    const isOurs = isNarrow.matches && !another && (isOpen() || fromEdge < EDGE_PX) && !document.querySelector("dialog[open]");
    start = isOurs ? { x: touch.clientX, y: touch.clientY } : null;
  };
  const end = (event) => {
    if (!start) return;
    const [touch] = event.changedTouches;
    const across = (touch.clientX - start.x) * towardsInside;
    const down = Math.abs(touch.clientY - start.y);
    start = null;
    if (Math.abs(across) > FAR_PX && Math.abs(across) > 2 * down && across > 0 !== isOpen()) toggle();
  };
  addEventListener("touchstart", begin, { passive: true });
  addEventListener("touchend", end, { passive: true });
  addEventListener("touchcancel", () => (start = null), { passive: true });
}
