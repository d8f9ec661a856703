/*
 * A slider that follows a field of numbers, and leads it. It is hidden where this does not run.
 *
 *   <input type="range" data-follows="id_share" hidden> <input id="id_share" type="number">
 */
function join(slider) {
  const field = document.getElementById(slider.dataset.follows);
  slider.value = field.value;
  slider.hidden = false;
  slider.addEventListener("input", () => { field.value = slider.value; });
  field.addEventListener("input", () => { slider.value = field.value; });
}

// The administration loads its scripts before the page is there.
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-follows]").forEach(join));
