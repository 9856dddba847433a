// What scrolls by itself on a narrow screen can be scrolled by keyboard, too.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  for (const wide of document.querySelectorAll(".bd-content table, mjx-container[display=true], .bd-content pre")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
  }
});
