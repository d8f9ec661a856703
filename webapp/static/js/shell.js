// What every page has: sidebar, theme, shortcuts; and what a chat shares with the scripts that it brings in later.

import "./acts.js";
import { complain } from "./announce.js";
import { tellTimeZone } from "./clock.js";
import { startInstalling } from "./install.js";
import { closeWhatWasLeft } from "./left.js";
import { startNews } from "./news.js";
import { startSearch } from "./search.js";
import { startShortcuts } from "./shortcuts.js";
import { startSidebar } from "./sidebar.js";
import { forgetEverythingWritten } from "./store.js";
import { startTheme } from "./theme.js";

tellTimeZone();
startTheme();
startSidebar();
startSearch();
startShortcuts();
startNews();
startInstalling();
closeWhatWasLeft();

// What somebody has pressed; what a page asks for by itself it asks for again.
for (const type of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(type, ({ detail: { elt, target, requestConfig } }) => {
    if (requestConfig.verb !== "get" || elt.matches("button") || target.matches("dialog, dialog *")) complain();
  });
}

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-forgets]")) forgetEverythingWritten();
});
