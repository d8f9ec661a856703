// What Code Shield says of the code in an answer: a badge at the head of each block, and its findings on a click.
//
//   <figure class="code"><figcaption>python <button class="code-badge" …> <button data-do="wrap-code">…</figcaption>
//     <div class="code-found" hidden>…</div> <pre>…</pre></figure>

const UNAVAILABLE = new Set(["tool_missing", "broken"]);

/** Put `reports` at the blocks of code under `body`, in place of those that are there. */
export function showCodeReports(body, reports) {
  for (const old of body.querySelectorAll(".code-badge, .code-found")) old.remove();
  const figures = body.querySelectorAll("figure.code");
  for (const report of reports) if (figures[report.figure]) putReport(figures[report.figure], report);
}

/** Open what a badge has to say, or close it. */
export function toggleCodeReport(badge) {
  const opens = badge.getAttribute("aria-expanded") === "false";
  badge.setAttribute("aria-expanded", opens);
  badge.closest("figure").querySelector(".code-found").hidden = !opens;
}

function putReport(figure, report) {
  const blank = document.getElementById("blank-code-report").content.cloneNode(true);
  const badge = blank.querySelector(".code-badge");
  const panel = blank.querySelector(".code-found");
  badge.dataset.state = panel.dataset.state = report.state;
  panel.dataset.why = UNAVAILABLE.has(report.not_scanned) ? "unavailable" : (report.not_scanned ?? "");
  badge.querySelector("[data-part=count]").textContent = report.found.length;
  fillList(panel.querySelector("[data-part=found]"), report.found);
  figure.querySelector("figcaption").insertBefore(badge, figure.querySelector("[data-do=wrap-code]"));
  figure.insertBefore(panel, figure.querySelector("pre"));
}

function fillList(list, found) {
  const blank = list.firstElementChild;
  list.replaceChildren(
    ...found.map((place) => {
      const item = blank.cloneNode(true);
      for (const name of ["line", "cwe", "advice"]) item.querySelector(`[data-part=${name}]`).textContent = place[name];
      return item;
    }),
  );
}
