// The texts of scripts, in the language of the page. base.html loads the catalogue before any module runs.

const { gettext, ngettext, interpolate } = globalThis.django ?? {
  gettext: (text) => text,
  ngettext: (one, many, count) => (count === 1 ? one : many),
  interpolate: (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]),
};

export { gettext, ngettext, interpolate };
