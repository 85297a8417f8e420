// Runs before the page is painted, so that a chosen scheme never flashes in the other one, and what a script shows later
// has its room from the start.
(function () {
  "use strict";
  document.documentElement.classList.add("scripted");
  try {
    var chosen = window.localStorage.getItem("reportgen-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (error) {
    // Storage may be forbidden for files; the system's scheme is used then.
  }
})();
