// Affinities as tables in colour, with a slider over the steps of the training.

const MATRICES = [
  ["S", "S, mean cosine of the gradients"],
  ["ω", "ω, affinity (columns sum to 1)"],
];

function mixed(scale, value) {
  const share = Math.min(1, Math.max(0, (value - scale.low) / (scale.high - scale.low)));
  const place = share * (scale.colours.length - 1);
  const below = Math.min(Math.floor(place), scale.colours.length - 2);
  const parts = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  const [one, other] = [parts(scale.colours[below]), parts(scale.colours[below + 1])];
  return one.map((part, index) => Math.round(part + (other[index] - part) * (place - below)));
}

/** White or dark, whichever contrasts more with what is below (WCAG 2). */
function inkOn(colour) {
  const [red, green, blue] = colour.map((part) => part / 255).map((part) =>
    (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.066 ? "#ffffff" : "#222222";
}

function paint(cell, value, scale) {
  cell.textContent = value === null ? "–" : value.toFixed(2).replace(/^-0\.00$/, "0.00")
    .replace("-", "−");
  const colour = value === null ? [217, 217, 217] : mixed(scale, value);
  cell.style.background = `rgb(${colour.join(" ")})`;
  cell.style.color = inkOn(colour);
}

/** Rows are sources and columns targets, as in the heat maps of the run and in the paper. */
function heatTable(name, title, tasks, scale) {
  const cells = tasks.map(() => tasks.map(() => make("td")));
  const head = make("tr", {}, make("td", { class: "corner" }, "source ↓ target →"),
    tasks.map((task) => make("th", { scope: "col" }, task)));
  const rows = tasks.map((task, source) =>
    make("tr", {}, make("th", { scope: "row" }, task), cells[source]));
  const table = make("table", { class: "heat", "data-matrix": name },
    make("caption", {}, title), make("thead", {}, head), make("tbody", {}, rows));
  const show = (matrix) => cells.forEach((row, source) => row.forEach((cell, target) =>
    paint(cell, matrix[target][source], scale)));
  return { table, show };
}

function bar(scale) {
  const strip = make("span", { class: "strip", "aria-hidden": "true" });
  strip.style.background = `linear-gradient(to right, ${scale.colours.join(", ")})`;
  return make("div", { class: "scale" }, short(scale.low), strip, short(scale.high));
}

function affinityPart(found, scales) {
  if (found.missing) return [missing(found.missing)];
  const tables = MATRICES.map(([name, title]) => ({
    name, ...heatTable(name, title, found.tasks, scales[name]),
  }));
  const last = found.records.length - 1;
  const said = make("output", {});
  const slider = make("input", { type: "range", min: 0, max: last, step: 1, value: last,
    "aria-label": "Step of the training" });
  const show = () => {
    const record = found.records[Number(slider.value)];
    const words = record.step === null ? "step unknown" : `step ${record.step}`;
    tables.forEach((each) => each.show(record[each.name]));
    said.textContent = words;
    slider.setAttribute("aria-valuetext", words);
  };
  slider.addEventListener("input", show);
  show();
  return [
    make("p", { class: "note" }, found.kind),
    last > 0 ? make("div", { class: "slider" }, slider, said) : make("p", {}, said),
    make("div", { class: "pair" }, tables.map((each) =>
      make("div", { class: "scroll" }, each.table, bar(scales[each.name])))),
    noted(found.said),
  ];
}
