/*
 * The bar that offers to undo leaves when it is too late: not from under a pointer or the focus, which make it stay, and
 * not with the focus, which moves on.
 *
 *   <form action="/undo/" data-gone-after="9"> … </form>     gone after so many seconds, or asked for more time
 *   <h2 tabindex="-1" data-after-undo>                       gets the focus that the bar had
 */
const MARGIN_S = 1; // so that the time asked for is still there when the request arrives

function removed(bar) {
  const hadFocus = bar.contains(document.activeElement);
  bar.remove();
  if (hadFocus) document.querySelector("[data-after-undo]")?.focus();
}

async function secondsMore(bar) {
  const form = new FormData(bar);
  form.set("hold", "yes");
  const answer = await fetch(bar.action, { method: "POST", body: form }).catch(() => null);
  return answer?.ok ? (await answer.json()).seconds : 0;
}

function stay(bar, seconds) {
  setTimeout(async () => {
    const more = bar.matches(":hover, :focus-within") ? await secondsMore(bar) : 0;
    if (more) stay(bar, more);
    else removed(bar);
  }, Math.max(seconds - MARGIN_S, 0) * 1000);
}

for (const bar of document.querySelectorAll("[data-gone-after]")) stay(bar, Number(bar.dataset.goneAfter));
