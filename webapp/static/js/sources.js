// The excerpt of a source shows on hover and focus (style sheet); Escape takes it away without moving either.

export function startSources(turns) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const source of turns.querySelectorAll(".source:is(:hover, :focus-within)")) source.dataset.dismissed = "";
  });
  for (const type of ["pointerout", "focusout"]) {
    turns.addEventListener(type, (event) => {
      const source = event.target.closest(".source");
      if (source && !source.contains(event.relatedTarget)) delete source.dataset.dismissed;
    });
  }
}
