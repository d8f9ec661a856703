// Hints of the server: something is new that no answer on this page tells.

import { conversation } from "./conversation.js";
import { showNews } from "./news.js";
import { refreshConversations } from "./sidebar.js";
import { showSupport } from "./sources.js";

/** A function that takes what the server hints at. */
export function takerOfHints({ thread, queue, answers, sending, catchingUp, gauge }) {
  const take = {
    async review({ num_unseen: numUnseen }, view) {
      showNews(numUnseen);
      if (!view) return;
      if (!view.isActive) answers.followAnew(view); // perhaps released after all
      (await import("./review.js")).refreshReview(view);
    },
    followups: ({ items }, view) => view?.suggest(items),
    support: ({ sentences }, view) => view && showSupport(view, sentences),
    window(hint) {
      document.body.dispatchEvent(new CustomEvent("window-changed"));
      if (hint.conversation === conversation()) gauge.refresh();
    },
    queue: (hint) => hint.conversation === conversation() && queue.refresh(),
    conversation(hint) {
      refreshConversations();
      if (hint.conversation !== conversation()) return;
      document.getElementById("page-title").textContent = hint.title;
      document.title = `${hint.title} · Cria`;
      if (hint.reply && thread.lastStored?.id !== hint.reply && !sending.waiting) catchingUp.run();
    },
  };
  return (hint) => take[hint.kind]?.(hint, thread.views.find((view) => view.id === hint.reply));
}
