// Makes what is shown equal to what is wanted, touching only what differs: a selection, a scrolled code block and a
// focused button survive the next piece of the answer.

/** `wanted` is used up. */
export function patchChildren(shown, wanted) {
  const nodes = [...wanted.childNodes];
  nodes.forEach((want, index) => {
    const have = shown.childNodes[index];
    if (!have) shown.append(want);
    else if (!have.isEqualNode(want)) patchNode(have, want);
  });
  while (shown.childNodes.length > nodes.length) shown.lastChild.remove();
}

function patchNode(have, want) {
  if (have.nodeName !== want.nodeName) {
    have.replaceWith(want);
  } else if (have.nodeType === Node.TEXT_NODE) {
    if (want.data.startsWith(have.data)) have.appendData(want.data.slice(have.length));
    else have.data = want.data;
  } else {
    patchAttributes(have, want);
    patchChildren(have, want);
  }
}

function patchAttributes(have, want) {
  for (const { name } of [...have.attributes]) if (!want.hasAttribute(name)) have.removeAttribute(name);
  for (const { name, value } of want.attributes) if (have.getAttribute(name) !== value) have.setAttribute(name, value);
}
