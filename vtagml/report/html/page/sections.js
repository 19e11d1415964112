// The parts of the page: what all runs share, and what is shown of the chosen run.

function section(id, title, ...children) {
  return make("section", { id, "aria-labelledby": `${id}-title` },
    make("h2", { id: `${id}-title` }, title), ...children);
}

function resultsSection(data, run) {
  const parts = [];
  const found = data.comparison;
  if (found) {
    parts.push(tableOf(found.results.header, found.results.rows, { label: "Results" }));
    if (found.warnings.length) {
      parts.push(make("div", { class: "beware" }, make("h3", {}, "Beware"),
        listOf(found.warnings)));
    }
    parts.push(make("details", {}, make("summary", {}, "How to read this table"),
      listOf(found.notes)));
    parts.push(make("details", {}, make("summary", {}, "Size and speed"),
      tableOf(found.costs.header, found.costs.rows, { label: "Size and speed" })));
  } else {
    parts.push(missing("No run here has results yet, so there is no table of them."));
  }
  if (data.leftOut.length) {
    parts.push(make("details", {}, make("summary", {}, `Left out: ${data.leftOut.length}`),
      listOf(data.leftOut)));
  }
  const own = run.metrics.length
    ? [make("h3", {}, `Every metric of ${run.name}`), metricsTable(run.metrics)]
    : [missing(`${run.name} has no results. ${run.why}`)];
  return section("results", "Results", ...parts, ...own);
}

/** A run has one colour in all panels; where there is one run, each curve has its own. */
function linesOf(runs, key, at) {
  const several = runs.length > 1;
  return runs.map((run, place) => ({ name: several ? run.name : key.label,
    place: several ? place : at, ...(run.curves.curves || {})[key.key] }))
    .filter((line) => line.x);
}

function panelOf(panel, runs) {
  const place = make("div");
  const state = { key: 0, logarithmic: false };
  const overlaid = panel.together && runs.length === 1;
  const show = () => {
    const keys = overlaid ? panel.choices : [panel.choices[state.key]];
    const lines = keys.flatMap((key, at) => linesOf(runs, key, at));
    const title = overlaid ? panel.title : `${panel.title}, ${keys[0].label}`;
    place.replaceChildren(new Chart(title, lines, state.logarithmic).node);
  };
  show();
  const box = make("input", { type: "checkbox", on: { change: () => {
    state.logarithmic = box.checked;
    show();
  } } });
  const choice = !overlaid && panel.choices.length > 1
    ? select("show", panel.choices.map((key) => key.label), 0,
      (at) => { state.key = at; show(); })
    : noted(overlaid ? "" : panel.choices[0].label);
  return make("article", { class: "panel" }, make("div", { class: "heading" },
    make("h3", {}, panel.title), choice,
    panel.logarithmic ? make("label", { class: "field" }, box, "log scale") : null), place);
}

function curvesSection(data) {
  const silent = data.runs.filter((run) => run.curves.missing);
  const said = [...new Set(data.runs.map((run) => run.curves.said).filter(Boolean))];
  return section("curves", "Curves",
    silent.map((run) => missing(data.runs.length > 1
      ? `${run.name}: ${run.curves.missing}` : run.curves.missing)),
    make("div", { class: "panels" }, data.panels.map((panel) => panelOf(panel, data.runs))),
    said.map(noted));
}

function conflictsSection(run) {
  const { header, rows = [], pictures = [], missing: why } = run.conflicts;
  const parts = why ? [missing(why)] : [];
  if (rows.length) parts.push(tableOf(header, rows, { label: "Gradient conflicts" }));
  parts.push(...pictures.map(({ words, picture: shown }) =>
    make("div", { class: "scroll whole" }, picture(shown, `${words}, a panel per pair of tasks`))));
  if (!parts.length) {
    parts.push(missing("This run did not count them: the callback `GradientConflicts` does."));
  }
  return section("conflicts", "Gradient conflicts", ...parts);
}

function textPart(summary, text) {
  return make("details", {}, make("summary", {}, summary),
    make("pre", { tabindex: "0" }, make("code", {}, text)));
}

function configSection(data, run) {
  const found = run.config;
  const parts = [found.missing ? missing(found.missing)
    : textPart("config.yaml, every setting of the training", found.text), noted(found.said)];
  parts.push(run.provenance ? textPart("What produced the result", run.provenance)
    : missing("There are no results yet, so nothing is recorded about them."));
  if (data.comparison) {
    const { header, rows } = data.comparison.sources;
    parts.push(make("details", {}, make("summary", {}, "Where each row of the table comes from"),
      tableOf(header, rows, { label: "Sources", class: "words" })));
  }
  return section("config", "Config and provenance", ...parts);
}

function factsPart(run) {
  const state = run.why ? missing(run.why) : null;
  const facts = [["folder", run.folder], ...run.facts];
  return make("section", { id: "run", "aria-label": `Run ${run.name}` }, state,
    make("dl", { class: "facts" }, facts.map(([name, value]) =>
      make("div", { class: value.length > 60 ? "wide" : null }, make("dt", {}, name),
        make("dd", {}, value)))));
}
