// The bar that says when the page is cut off. Short breaks are not worth a word.

const WORTH_A_WORD_MS = 2_500;

export function showConnection(bar, socket) {
  let timer = 0;
  const say = (text) => {
    bar.hidden = !text;
    bar.textContent = text;
  };
  const lost = () => {
    if (!navigator.onLine) say("You are offline. What you write is kept.");
    else timer ||= setTimeout(() => say("The connection is lost. Trying again…"), WORTH_A_WORD_MS);
  };
  socket.addEventListener("lost", lost);
  addEventListener("offline", lost);
  socket.addEventListener("ready", () => {
    clearTimeout(timer);
    timer = 0;
    say("");
  });
  socket.addEventListener("denied", () => say("You are logged out here. Reload the page to go on."));
}
