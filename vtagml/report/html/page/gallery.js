// Predictions: one picture, the task or the epoch switched by a click.

const MOST_BUTTONS = 8;

function galleryPart(found) {
  if (found.missing) return [missing(found.missing)];
  const place = make("div", { class: "scroll whole" });
  const switches = make("div", { class: "switches" });
  const chooseGroup = (at) => {
    const group = found.groups[at];
    const names = group.pictures.map((each) => each.name);
    const show = (index) => place.replaceChildren(picture(group.pictures[index].picture,
      `Images, truth and prediction: ${group.name}, ${names[index]}`));
    const others = names.length > MOST_BUTTONS ? select : buttons;
    const groups = select("Show", found.groups.map((each) => each.name), at, chooseGroup);
    switches.replaceChildren(groups, others("Picture", names, 0, show));
    show(0);
  };
  chooseGroup(0);
  return [switches, place];
}
