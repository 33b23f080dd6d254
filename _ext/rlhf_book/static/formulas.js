// MathJax makes every formula a stop of the tab key. Here only those are that scroll in their place.
const scrolls = (part) =>
  getComputedStyle(part).overflowX === "auto" && part.scrollWidth > part.clientWidth + 1;
const mark = () => {
  for (const part of document.querySelectorAll(".math, .math mjx-container")) {
    if (scrolls(part)) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
};
window.addEventListener("load", () =>
  window.MathJax?.startup?.promise.then(() => {
    const sizes = new ResizeObserver(mark); // of the window, and of what is opened
    document.querySelectorAll(".math").forEach((formula) => sizes.observe(formula));
    document.fonts.addEventListener("loadingdone", mark);
    mark();
  }),
);
