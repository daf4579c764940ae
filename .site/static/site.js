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

// The switch of languages leads to where the reader is: the last cell that has begun by the window's
// top. It has the same name in both languages. A link that was followed ends a little below the top.
const places = [...document.querySelectorAll("[id]")].filter(({ id }) => /^nb\d\d-/.test(id));
const hereIn = (link) => {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const top = document.querySelector(".mobile-header").offsetHeight + 3 * rem;
  const begun = places.filter((place) => scrollY && place.getBoundingClientRect().top <= top);
  link.hash = begun.at(-1)?.id ?? "";
};
for (const link of document.querySelectorAll(".language")) {
  for (const use of ["click", "auxclick", "contextmenu"]) link.addEventListener(use, () => hereIn(link));
}
