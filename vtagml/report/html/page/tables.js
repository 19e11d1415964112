// Tables: the first column names the row, the others are numbers on the right.

function tableOf(header, rows, attributes = {}) {
  const head = make("tr", {}, header.map((cell) => make("th", { scope: "col" }, cell)));
  const bold = attributes.bold || (() => false);
  const body = rows.map((row, place) => make("tr", { class: bold(place) && "headline" },
    row.map((cell, index) =>
      (index === 0 ? make("th", { scope: "row" }, cell) : make("td", {}, cell)))));
  return make("div", { class: "scroll", tabindex: "0", role: "region",
    "aria-label": attributes.label || "Table" },
    make("table", { class: attributes.class || "numbers" },
      make("thead", {}, head), make("tbody", {}, body)));
}

function metricsTable(rows) {
  return tableOf(["task", "metric", "model", "image-blind prior"],
    rows.map((row) => [row.task, row.metric, row.model, row.prior]),
    { label: "Metrics", class: "numbers metrics", bold: (place) => rows[place].headline });
}

function parametersTable(found) {
  if (found.missing) return missing(found.missing);
  const number = (value) => value.toLocaleString("en-GB");
  const share = ([trainable, , total]) =>
    `${(total ? 100 * trainable / total : 0).toFixed(1)} %`;
  const line = (name, counts) => [name, ...counts.map(number), share(counts)];
  const rows = found.rows.map(([name, ...counts]) => line(name, counts));
  const parts = tableOf(["part", "trainable", "frozen", "total", "trainable share"],
    [line("total", found.total), ...rows], { label: "Parameters", class: "numbers first-bold" });
  if (!found.roles.length) return parts;
  const known = (value) => (value === null ? "–" : number(value));
  const roles = tableOf(["role", "trained", "stored", "deployed"],
    found.roles.map(([role, ...counts]) => [role, ...counts.map(known)]), { label: "Roles" });
  return make("div", {}, roles, parts);
}

function listOf(items) {
  return make("ul", { class: "said" }, items.map((item) => make("li", {}, prose(item))));
}
