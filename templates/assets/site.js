// Conveniences on top of pages that are complete without them: colours, keys, sorting, the map's strength.
(function () {
  "use strict";
  var root = document.documentElement;

  function dark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
  }

  var toggle = document.querySelector("[data-theme-toggle]");
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", function () {
      root.dataset.theme = dark() ? "light" : "dark";
      try {
        window.localStorage.setItem("reportgen-theme", root.dataset.theme);
      } catch (error) {
        // Not remembered, and that is all.
      }
    });
  }

  // An explanation opens beside its word rather than in the middle of the window.
  document.addEventListener("click", function (event) {
    var button = event.target.closest(".term[popovertarget], .cell[popovertarget]");
    if (!button) return;
    var pop = document.getElementById(button.getAttribute("popovertarget"));
    var box = button.getBoundingClientRect();
    var width = Math.min(352, window.innerWidth - 32);
    pop.style.width = width + "px";
    pop.style.margin = "0";
    pop.style.left = Math.max(16, Math.min(box.left, window.innerWidth - width - 16)) + "px";
    pop.style.top = (box.bottom + 160 < window.innerHeight ? box.bottom + 8 : Math.max(8, box.top - 150)) + "px";
  });

  // A long one near the lower edge moves up until it is whole. The event does not bubble, hence the capture.
  document.addEventListener("toggle", function (event) {
    var pop = event.target;
    if (event.newState !== "open" || !pop.style.top) return;
    var over = pop.getBoundingClientRect().bottom + 8 - window.innerHeight;
    if (over > 0) pop.style.top = Math.max(8, parseFloat(pop.style.top) - over) + "px";
  }, true);

  function step(by) {
    var all = Array.prototype.filter.call(document.querySelectorAll("[data-step]"), function (element) {
      return element.offsetParent !== null;
    });
    if (!all.length) return;
    var here = all.indexOf(document.activeElement && document.activeElement.closest("[data-step]"));
    if (here < 0) {
      // Nothing chosen yet: start from what is on screen.
      here = by > 0 ? -1 : all.length;
      for (var i = 0; i < all.length; i += 1) {
        if (all[i].getBoundingClientRect().top > 80) {
          here = by > 0 ? i - 1 : i;
          break;
        }
      }
    }
    var next = all[Math.max(0, Math.min(all.length - 1, here + by))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "center" });
  }

  function follow(relation) {
    // The explorer turns its own pages; elsewhere, and where all pages are in one file, the link that is on screen.
    var all = document.querySelectorAll('[data-turn="' + relation + '"], a[rel="' + relation + '"]');
    for (var i = 0; i < all.length; i += 1) {
      if (all[i].offsetParent !== null) {
        all[i].click();
        return;
      }
    }
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "[") follow("prev");
    else if (event.key === "]") follow("next");
    else if (event.key === "?") document.getElementById("keys").togglePopover();
    else if (event.key === "/") {
      var query = document.querySelector("form[role=search] input");
      if (!query || query.offsetParent === null) return;
      event.preventDefault();
      query.focus();
    } else if (event.key === "Enter" && event.target.matches("[data-step]")) {
      var link = event.target.querySelector("a[href]");
      if (link) link.click();
    }
  });

  // Tables that say so can be sorted by any column; the order is announced through aria-sort.
  Array.prototype.forEach.call(document.querySelectorAll("table[data-sortable]"), function (table) {
    var body = table.tBodies[0];
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
      var kind = head.dataset.sort;
      if (!kind) return;
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      var name = head.textContent.trim();
      button.setAttribute("aria-label", "Sort by " + name);
      button.textContent = "↕";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        Array.prototype.forEach.call(table.tHead.rows[0].cells, function (other) {
          other.removeAttribute("aria-sort");
        });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        function key(row) {
          var cell = row.cells[column];
          if (kind !== "number") return cell.textContent.trim();
          // The first number of the cell: behind it stands its interval.
          return parseFloat(cell.dataset.value || (cell.textContent.replace(/,/g, "").match(/[\d.]+/) || [0])[0]) || 0;
        }
        var rows = Array.prototype.slice.call(body.rows).sort(function (a, b) {
          var x = key(a), y = key(b);
          return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
        });
        rows.forEach(function (row) {
          body.appendChild(row);
        });
      });
    });
  });

  Array.prototype.forEach.call(document.querySelectorAll("[data-slider]"), function (slider) {
    slider.hidden = false;
    slider.querySelector("input").addEventListener("input", function (event) {
      var maps = slider.parentNode.querySelectorAll(".over");
      Array.prototype.forEach.call(maps, function (map) {
        map.style.opacity = event.target.value / 100;
      });
    });
  });

  // An SVG's pictures are fetched at once, wherever they stand: those far down wait until their place nears the screen.
  var places = Array.prototype.map.call(document.querySelectorAll("[data-later]"), function (one) { return one.parentNode; });
  function bring(place) {
    var one = place.querySelector("[data-later]");
    if (one) one.outerHTML = one.textContent;
  }
  if (window.IntersectionObserver) {
    var near = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting) return;
        near.unobserve(entry.target);
        bring(entry.target);
      });
    }, { rootMargin: "400px" });
    places.forEach(function (place) { near.observe(place); });
    window.addEventListener("beforeprint", function () { places.forEach(bring); });
  } else places.forEach(bring);

  // A table of cells as a file that the browser saves; for the pages that make one.
  window.reportgenSave = function (name, rows) {
    function cell(value) {
      var text = String(value);
      // Spreadsheets run cells that begin like a formula.
      if (/^[=+\-@\t\r]/.test(text)) text = "'" + text;
      return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
    }
    var text = rows.map(function (cells) { return cells.map(cell).join(",") + "\n"; }).join("");
    var link = document.createElement("a");
    var made = window.Blob && window.URL && URL.createObjectURL ? URL.createObjectURL(new Blob([text], { type: "text/csv" })) : "";
    link.href = made || "data:text/csv;charset=utf-8," + encodeURIComponent(text);
    link.download = name;
    document.body.appendChild(link);
    link.click();
    link.remove();
    if (made) window.setTimeout(function () { URL.revokeObjectURL(made); }, 1000);
  };

  // Photos as they are and changed lie one over the other; the slider tells where one ends and the other begins.
  Array.prototype.forEach.call(document.querySelectorAll("[data-before-after]"), function (group) {
    var control = group.querySelector("[data-before-after-control]");
    control.hidden = false;
    control.querySelector("input").addEventListener("input", function (event) {
      group.style.setProperty("--at", event.target.value + "%");
    });
  });

  // A count of a confusion matrix opens its images below the matrix; without this it leads to the explorer.
  Array.prototype.forEach.call(document.querySelectorAll("[data-opened]"), function (panel) {
    var section = panel.parentNode, from = null;
    function close() {
      panel.hidden = true;
      if (from) from.setAttribute("aria-expanded", "false");
    }
    section.addEventListener("click", function (event) {
      if (event.target.closest("[data-close]")) {
        close();
        from.focus();
        return;
      }
      var cell = event.target.closest("[data-cell]");
      var images = cell && section.querySelector('template[data-images="' + cell.dataset.cell + '"]');
      if (!images || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      var again = cell === from && !panel.hidden;
      close();
      if (again) return;
      from = cell;
      cell.setAttribute("aria-expanded", "true");
      panel.replaceChildren(images.content.cloneNode(true));
      panel.hidden = false;
      panel.querySelector("h3").focus({ preventScroll: true });
      panel.scrollIntoView({ block: "nearest" });
    });
  });

  // The transplant player: every choice stands ready in a template.
  Array.prototype.forEach.call(document.querySelectorAll("[data-player]"), function (player) {
    var names = ["emotion", "region", "donor"];
    var choices = Array.prototype.slice.call(player.querySelectorAll("template"));
    var selects = names.map(function (name) {
      return player.querySelector("select[name=" + name + "]");
    });
    function fits(choice, upTo) {
      return names.slice(0, upTo).every(function (name, i) {
        return choice.dataset[name] === selects[i].value;
      });
    }
    function show() {
      // What can be chosen follows from what is chosen before it; a choice that is still there stays.
      selects.forEach(function (select, i) {
        var was = select.value, options = [];
        choices.forEach(function (choice) {
          var value = choice.dataset[names[i]];
          if (fits(choice, i) && options.indexOf(value) < 0) options.push(value);
        });
        select.replaceChildren.apply(select, options.map(function (value) {
          return new Option(value, value);
        }));
        if (options.indexOf(was) >= 0) select.value = was;
      });
      var shown = choices.filter(function (choice) {
        return fits(choice, names.length);
      })[0];
      player.querySelector("[data-player-shown]").replaceChildren(shown.content.cloneNode(true));
    }
    player.addEventListener("change", show);
    player.hidden = false;
    show();
  });

  // The gallery of errors: shows the cards that fit all choices, and leads to the same choice in the explorer.
  var gallery = document.querySelector("[data-gallery]");
  function pick() {
    var form = gallery.querySelector("[data-filters]"), tokens = [], shown = 0, chosen = {};
    Array.prototype.forEach.call(form.querySelectorAll("select"), function (select) {
      if (!select.value) return;
      chosen[select.name] = select.value;
      tokens.push(select.dataset.token + ":" + select.value);
    });
    Array.prototype.forEach.call(gallery.querySelectorAll(".error"), function (card) {
      card.hidden = Object.keys(chosen).some(function (key) {
        return card.dataset[key].split(" ").indexOf(chosen[key]) < 0;
      });
      if (!card.hidden) shown += 1;
    });
    var more = gallery.querySelector("details");
    if (more) more.open = tokens.length > 0;
    var status = form.querySelector("[role=status]"), link = document.createElement("a");
    link.href = form.dataset.explorer + "#" + tokens.concat("wrong").join("%20");
    link.textContent = "all such images in the explorer";
    status.textContent = (shown || "No") + (shown === 1 ? " card" : " cards") + (shown ? "; " : " here; ");
    status.appendChild(link);
  }
  function pickPair(target) {
    Array.prototype.forEach.call(gallery.querySelectorAll("select"), function (select) {
      select.value = target.dataset[select.name] || "";
    });
    pick();
    gallery.scrollIntoView();
  }
  if (gallery && gallery.querySelector("select")) {
    gallery.querySelector("[data-filters]").hidden = false;
    gallery.addEventListener("change", pick);
    pick();
  }

  // A link into a closed disclosure opens it; one to a confused pair chooses it in the gallery.
  function reveal() {
    var target = window.location.hash && !/[:%]/.test(window.location.hash) && document.getElementById(window.location.hash.slice(1));
    var details = target && target.closest("details");
    if (details && !details.open) {
      details.open = true;
      target.scrollIntoView();
    }
    if (gallery && target && target.matches("[data-pair]")) pickPair(target);
  }
  window.addEventListener("hashchange", reveal);
  reveal();
  // Once all is loaded the browser goes to the address's own place once more, which is the pair and not the gallery.
  window.addEventListener("load", function () {
    window.setTimeout(reveal, 0);
  });
})();
