// Puts the page together, again whenever another run is chosen.

const data = JSON.parse(document.getElementById("data").textContent);
const PLACES = [["results", "Results"], ["curves", "Curves"], ["affinities", "Affinities"],
  ["conflicts", "Conflicts"], ["predictions", "Predictions"], ["parameters", "Parameters"],
  ["config", "Config"]];

const shared = curvesSection(data);
const places = make("ul");

function show(at) {
  const run = data.runs[at];
  document.getElementById("content").replaceChildren(
    factsPart(run),
    resultsSection(data, run),
    shared,
    section("affinities", "Affinities", ...affinityPart(run.affinities, data.scales)),
    conflictsSection(run),
    section("predictions", "Predictions", ...galleryPart(run.gallery)),
    section("parameters", "Parameters", parametersTable(run.parameters)),
    configSection(data, run),
  );
  places.replaceChildren(...PLACES.filter(([id]) => hasContent(id))
    .map(([id, name]) => make("li", {}, make("a", { href: `#${id}` }, name))));
}

/** Whether a part of the page shows more than why it shows nothing. */
function hasContent(id) {
  return document.querySelector(`#${id} > :not(h2):not(.missing):not(:empty)`) !== null;
}

document.getElementById("top").append(make("h1", {}, data.title),
  make("p", {}, `Page made ${data.made} by lightning report --html.`));
document.getElementById("places").append(
  data.runs.length > 1
    ? select("Run", data.runs.map((run) => run.name), 0, show) : "", places);
document.getElementById("about").append(make("p", {},
  `${data.pictures} The files in the run's folder are whole. This page loads nothing from anywhere.`));
show(0);
