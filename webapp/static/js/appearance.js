// Runs before anything is painted, so that neither the theme nor the sidebar flashes in the wrong state.
// The values are written by theme.js and sidebar.js through store.js, as JSON.
try {
  const theme = JSON.parse(localStorage.getItem("cria.theme"));
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  if (JSON.parse(localStorage.getItem("cria.sidebar")) === "closed") document.documentElement.dataset.sidebar = "closed";
} catch {
  // Storage is switched off or holds nonsense: the system's theme and an open sidebar are good defaults.
}
