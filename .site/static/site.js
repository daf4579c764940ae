// Sliders on paper: without this script all frames stand below each other.
for (const frames of document.querySelectorAll(".frames")) {
  const shown = [...frames.querySelectorAll(".frame")];
  const bar = frames.querySelector(".bar");
  const slider = bar.querySelector("input");
  const setting = bar.querySelector("output");
  const show = () => {
    shown.forEach((frame, k) => frame.classList.toggle("current", k === Number(slider.value)));
    setting.value = shown[slider.value].dataset.setting;
    slider.setAttribute("aria-valuetext", setting.value);
  };
  // The next frame must not be fetched only when it is asked for.
  slider.addEventListener("focus", () => {
    frames.querySelectorAll("img").forEach((image) => { image.loading = "eager"; });
  });
  slider.addEventListener("input", show);
  frames.classList.add("moved");
  bar.hidden = false;
  show();
}

// What is wider than its place is scrolled, with the keyboard too.
const reachable = (part) => {
  for (const wide of part.querySelectorAll("pre, .table-wrapper, .math-wrapper")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    else wide.removeAttribute("tabindex");
  }
};
addEventListener("load", () => reachable(document));
addEventListener("resize", () => reachable(document));
document.addEventListener("toggle", (fold) => reachable(fold.target), true);
