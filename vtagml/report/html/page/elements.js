// Elements of the page. Text from runs only ever becomes text: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    } else if (value === true) {
      node.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value);
    }
  }
  node.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return node;
}

function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** A number with four digits that mean something. */
function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return value.toExponential(2).replaceAll("-", "−").replace("e+", "e");
  }
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

/** What stands between backticks is code. */
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

function missing(text) {
  return make("p", { class: "missing" }, prose(text));
}

function noted(text) {
  return text ? make("p", { class: "note" }, prose(text)) : null;
}

/** A labelled choice; `choices` are words, `chosen` gets the number of one. */
function select(label, choices, at, chosen) {
  const options = choices.map((choice, index) =>
    make("option", { value: index, selected: index === at }, choice));
  const field = make("select", { on: { change: () => chosen(Number(field.value)) } }, options);
  return make("label", { class: "field" }, make("span", {}, label), field);
}

/** Buttons of which one is pressed; `chosen` gets its number. */
function buttons(label, choices, at, chosen) {
  const group = make("div", { class: "buttons", role: "group", "aria-label": label });
  const press = (index) => {
    [...group.children].forEach((button, place) =>
      button.setAttribute("aria-pressed", String(place === index)));
    chosen(index);
  };
  group.append(...choices.map((choice, index) =>
    make("button", { type: "button", "aria-pressed": String(index === at),
      on: { click: () => press(index) } }, choice)));
  return group;
}

/** A picture of the content, or what stands in its place. */
function picture(found, words) {
  if (!found) return make("div", { class: "absent" }, "no room for this picture");
  return make("img", { src: found.src, width: found.width, height: found.height, alt: words });
}
