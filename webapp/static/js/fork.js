// A copy of the chat up to one answer, to go on from there in another direction. It opens.
//
//   <button data-do="fork">
//   startForks((path) => "/c/…/" + path);

import { onAct } from "./acts.js";
import { complain } from "./announce.js";
import { post } from "./post.js";

export function startForks(address) {
  let isAsked = false; // a second press would be a second copy
  onAct("fork", async (view) => {
    if (isAsked) return;
    isAsked = true;
    const response = await post(address("fork/"), { upto: view.id }, { headers: { "HX-Request": "true" } });
    const copy = response?.headers.get("HX-Redirect");
    if (copy) location.assign(copy);
    else complain();
    isAsked = false;
  });
}
