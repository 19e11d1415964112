// Predictions: a row per sample, the task switched by a click.

const KINDS = [["truth", "truth"], ["prediction", "prediction"], ["error", "error"]];

function legendOf(entries) {
  return make("ul", { class: "classes" }, entries.map(([name, colour]) => {
    const swatch = make("i", { class: "swatch" });
    swatch.style.background = colour;
    return make("li", {}, swatch, name);
  }));
}

function barOf(found) {
  const strip = make("div", { class: "strip" });
  strip.style.background = `linear-gradient(to right, ${found.colours.join(", ")})`;
  return make("div", { class: "values" }, strip,
    make("div", { class: "ticks" }, found.ticks.map((tick) => make("span", {}, tick))));
}

function keyOf(task, title, legend, values, ball) {
  const inside = [];
  if (legend && legend.length) inside.push(legendOf(legend));
  if (values) inside.push(barOf(values));
  if (ball) inside.push(picture(ball, `a ball in the colours of ${task.name}`));
  return inside.length ? make("div", { class: "key" }, make("h4", {}, title), inside) : null;
}

function cell(words, found, caption, absent) {
  const shown = absent ? make("div", { class: "absent" }, "no label") : picture(found, words);
  return make("figure", {}, shown, make("figcaption", {}, caption));
}

function sampleRow(split, task, index) {
  const words = `sample ${index + 1}`;
  const unknown = task.missing[index];
  return make("div", { class: "sample" },
    cell(`Image of ${words}`, split.images[index], "image", false),
    KINDS.filter(([kind]) => kind in task || kind === "truth").map(([kind, caption]) =>
      cell(`${task.name}, ${caption} of ${words}`, (task[kind] || [])[index], caption,
        unknown && kind !== "prediction")));
}

function showTask(place, split, task) {
  const ball = (task.key || [])[0];
  place.replaceChildren(
    ...split.images.map((_, index) => sampleRow(split, task, index)),
    make("div", { class: "keys" },
      keyOf(task, `Colours of ${task.name}`, task.legend, task.bar, ball) || "",
      keyOf(task, "Colours of the error", task.error_legend, task.error_bar, null) || ""));
}

function tilesPart(splits) {
  const place = make("div", { class: "samples" });
  const state = { split: 0, task: 0 };
  const switches = make("div", { class: "switches" });
  const step = make("p", { class: "note" });
  const show = () => {
    const split = splits[state.split];
    state.task = Math.min(state.task, split.tasks.length - 1);
    step.textContent = split.step ? `After step ${split.step}.` : "";
    if (split.tasks.length) showTask(place, split, split.tasks[state.task]);
  };
  const fill = () => {
    const names = splits[state.split].tasks.map((task) => task.name);
    const choice = buttons("Task", names, state.task, (at) => { state.task = at; show(); });
    const set = splits.length > 1 ? select("Split", splits.map((each) => each.split), state.split,
      (at) => { state.split = at; show(); fill(); }) : null;
    switches.replaceChildren(...[choice, set].filter(Boolean));
  };
  show();
  fill();
  return [switches, step, place];
}

function wholesPart(wholes) {
  const place = make("div", { class: "scroll whole" });
  const show = (at) => {
    const words = `Images, truth and prediction of every task, ${wholes[at].name}`;
    place.replaceChildren(picture(wholes[at], words));
  };
  show(0);
  const names = wholes.map((each) => each.name);
  return [wholes.length > 1 ? select("Grid", names, 0, show) : noted(names[0]), place];
}

function galleryPart(found) {
  if (found.missing) return [missing(found.missing)];
  if (!found.splits.length) {
    return [noted("This run kept whole grids only: tasks cannot be switched one by one."),
      ...wholesPart(found.wholes)];
  }
  const whole = found.wholes.length ? make("details", {},
    make("summary", {}, "Whole grids, all tasks side by side"), wholesPart(found.wholes)) : null;
  return [...tilesPart(found.splits), whole];
}
