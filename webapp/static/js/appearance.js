// Runs before anything is painted, so that neither the theme nor the sidebar nor code flashes in the wrong state. What the
// server knows of a person stands on the root element already; the values here are written by theme.js, sidebar.js and
// wrap.js through store.js, as JSON.
try {
  const root = document.documentElement;
  const theme = JSON.parse(localStorage.getItem("cria.theme"));
  if (!root.dataset.theme && (theme === "light" || theme === "dark")) root.dataset.theme = theme;
  if (JSON.parse(localStorage.getItem("cria.sidebar")) === "closed") root.dataset.sidebar = "closed";
  if (JSON.parse(localStorage.getItem("cria.wrap")) === true) root.dataset.wrap = "";
} catch {
  // Storage is switched off or holds nonsense: the system's theme and an open sidebar are good defaults.
}
