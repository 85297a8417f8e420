// Where all pages are in one file: shows the page that the address names, and marks it in the navigation.
(function () {
  "use strict";
  var pages = Array.prototype.slice.call(document.querySelectorAll(".page"));
  var links = Array.prototype.slice.call(document.querySelectorAll(".bar nav a"));
  var shown = null;

  function named() {
    var hash = window.location.hash.slice(1);
    try {
      hash = decodeURIComponent(hash);
    } catch (error) {
      // As it stands, then.
    }
    var page = document.getElementById(hash.split("!")[0]);
    return { page: page && page.classList.contains("page") ? page : null, target: document.getElementById(hash) };
  }

  function show(first) {
    var found = named();
    // A link within the frame, such as "skip to the content", leaves the page as it is.
    var page = found.page || shown || pages[0];
    if (page !== shown) {
      pages.forEach(function (one) { one.classList.toggle("shown", one === page); });
      document.title = page.dataset.title;
      links.forEach(function (link) {
        var on = link.getAttribute("href") === "#/" + page.dataset.section;
        link.classList.toggle("on", on);
        if (on) link.setAttribute("aria-current", link.getAttribute("href") === "#" + page.id ? "page" : "true");
        else link.removeAttribute("aria-current");
      });
      if (!first) {
        if (!found.target || found.target === page) window.scrollTo(0, 0);
        document.getElementById("main").focus({ preventScroll: true });
      }
      shown = page;
    }
    var target = found.target;
    if (target && target !== page && page.contains(target)) {
      var details = target.closest("details");
      if (details) details.open = true;
      target.scrollIntoView();
    }
  }

  document.documentElement.classList.add("routed");
  window.addEventListener("hashchange", function () { show(false); });
  show(true);
})();
